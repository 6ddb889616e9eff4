package neighbourtest

import (
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
)

// The first call of buildkite-agent-scaler fails, the program says so and exits with 0: whoever watches the exit code, and
// a scheduler does, sees a look that went well. Here a run that could not look fails, as a process and as an invocation,
// says at which target and of which kind, and makes nobody lose what happened meanwhile, even if it was the very first.
func TestFirstCallFails(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, p.make, "")
			w.environ = append(w.environ, "UNREACHABLE_AFTER=100")
			var created time.Time
			for _, f := range firstCalls {
				well := w.environ
				w.sim.Configure(f.fails)
				w.environ = append(w.environ, f.env(w)...)
				o := w.run()
				if o.killed || o.code != 1 {
					t.Errorf("%s: killed %v, code %d, want 1: %s", f.name, o.killed, o.code, o.said)
				}
				if !strings.Contains(o.said, f.kind) || !regexp.MustCompile(f.names).MatchString(o.said) {
					t.Errorf("%s: want %q and %q in %s", f.name, f.kind, f.names, o.said)
				}
				if created.IsZero() {
					created = time.Now()
				}
				w.environ = well
				w.sim.ClearFaults()
				w.sim.Configure(func(s *atlassim.Server) { s.Keys, s.AccessList = nil, nil })
				w.program.restart()
			}
			job := newJob(created, "FINISHED")
			w.list(job)
			w.mustRun()
			w.wantTold(job.ID+".created", job.ID+".status.FINISHED")
			w.wantEmptyOutboxes()
		})
	}
}

// A firstCall is a way in which the first call of a run goes wrong.
type firstCall struct {
	name  string
	fails func(*atlassim.Server)
	env   func(*world) []string
	kind  string
	names string // what failed
}

var firstCalls = []firstCall{
	{"wrong key", func(s *atlassim.Server) { s.Keys = map[string]string{"other": "key"} }, noEnv, "credentials", target.String()},
	{"address not on the list", func(s *atlassim.Server) { s.AccessList = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} },
		noEnv, "access_list", target.String()},
	{"nobody listens", noFault, func(w *world) []string { return []string{"ATLAS_BASE_URL=http://" + closedPort(w.t)} },
		"unavailable", target.String()},
	{"no state", noFault, func(w *world) []string { return w.program.envWithoutState() }, "state", "connection refused|no such file"},
}

func noFault(*atlassim.Server) {}

func noEnv(*world) []string { return nil }

// closedPort returns an address on loopback that nobody listens at.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
