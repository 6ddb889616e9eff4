package simtest

import (
	"testing"

	"restorewatch/internal/restore"
)

// A member of a batch was saved as BROKEN and its run was killed before it saved the batch's outcome. The member moves on before
// the next look: batch.failed is never told, although job.status_changed to BROKEN is.
func TestBatchOutcomeSurvivesItsRun(t *testing.T) {
	inBubble(t, "killed before the batch is saved", func(t *testing.T) {
		w := newWorld(one)
		w.tracing = true
		defer w.abandon()
		w.batch(2)
		w.edits(status(restore.Broken), 0)
		w.strike(blow{3, killBefore}) // page, the job, then the batch
		w.edits(status(restore.InProgress), 0)
		w.leaveAlone()
		told := w.oracle.owed["5a66783b80eef5354c77eeff.batch.FAILED"]
		if broken := w.oracle.owed[string(jobIDs[0])+".status.BROKEN"]; len(broken) != 1 || len(told) != 1 {
			t.Errorf("%d times BROKEN, %d times batch.failed", len(broken), len(told))
			for _, line := range w.trace {
				t.Log(line)
			}
		}
	})
}
