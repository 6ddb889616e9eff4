package loadtest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/testserver"
)

// The same changes, watched by the command with its SQLite file.
func TestCommandLine(t *testing.T) {
	figures := newTable("changed jobs", "events", "SNS calls", "memory", "processor", "time")
	for _, n := range rows(50, 5, 50, 500, 5000) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, one.String())
			program := testserver.BuildCommand(t, "restorewatch")
			state := filepath.Join(t.TempDir(), "state.db")
			jobs := restores(project, cluster, 2*n)
			w.sim.SetJobs(project, cluster, jobs)
			w.command(program, state)
			after, owed := finished(jobs, n)
			w.sim.SetJobs(project, cluster, after)
			c := w.command(program, state)
			w.atMost("calls of SNS", c.calls, pages(2*n, 10)+pages(n/members, 10)+2)
			w.wantTold(owed, 0)
			w.want("calls of SNS when nothing changes", w.command(program, state).calls, 0)
			figures.row(n, len(owed), c.calls, megabytes(c.peak), seconds(c.busy), seconds(c.took))
		})
	}
	figures.log(t)
}

// command makes one run of the command, which ends by itself.
func (w *world) command(program, state string) (c cost) {
	w.t.Helper()
	w.topic.takeCalls()
	run := exec.Command(program, "run")
	for name, value := range w.env {
		if name != "STATE_TABLE" {
			run.Env = append(run.Env, name+"="+value)
		}
	}
	run.Env = append(run.Env, "STATE_FILE="+state, "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIDTEST",
		"AWS_SECRET_ACCESS_KEY=not-a-secret", "AWS_EC2_METADATA_DISABLED=true")
	var said strings.Builder
	run.Stdout, run.Stderr = &said, &said
	began := time.Now()
	if err := run.Start(); err != nil {
		w.t.Fatalf("restorewatch run: %v", err)
	}
	peak := followed(run.Process.Pid)
	if err := run.Wait(); err != nil {
		w.t.Fatalf("restorewatch run: %v\n%.2000s", err, said.String())
	}
	c = cost{took: time.Since(began), calls: w.topic.takeCalls(), peak: <-peak}
	c.busy = run.ProcessState.UserTime() + run.ProcessState.SystemTime()
	w.t.Logf("%s", c)
	if c.peak == 0 || c.peak >= w.memory<<10 {
		w.t.Errorf("the command has taken %d kB, more than the function may", c.peak)
	}
	return c
}
