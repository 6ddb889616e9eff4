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
		w.strike(blow{step: 3, fate: killBefore}) // page, the job, then the batch
		w.edits(status(restore.InProgress), 0)
		w.leaveAlone()
		told := w.places[0].oracle.owed[string(batchOf(w.places[0].job(0)))+".batch.FAILED"]
		if broken := w.places[0].oracle.owed[string(w.places[0].job(0))+".status.BROKEN"]; len(broken) != 1 || len(told) != 1 {
			t.Errorf("%d times BROKEN, %d times batch.failed", len(broken), len(told))
			for _, line := range w.trace {
				t.Log(line)
			}
		}
	})
}
