package loadtest

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/stacktest"
	"restorewatch/internal/testserver"
)

var (
	scale  = flag.Bool("scale", false, "measure the whole tables of docs/scale.md, up to 10,000 jobs")
	lambda = flag.Bool("lambda", false, "give the function the memory and the share of a processor that Lambda does; takes root")
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// bootstrap is built by the first test that needs it.
var (
	bootstrap string
	build     sync.Once
)

// A deployment is what the template says of the function.
type deployment struct {
	memory  int // MB
	timeout time.Duration
	limit   string // GOMEMLIMIT
}

func deployed(t *testing.T) deployment {
	t.Helper()
	template := stacktest.Translate(t)
	number := func(name string) int { return int(template.Get(t, "WatcherFunction", name).(float64)) }
	return deployment{
		memory: number("MemorySize"), timeout: time.Duration(number("Timeout")) * time.Second,
		limit: template.Get(t, "WatcherFunction", "Environment", "Variables", "GOMEMLIMIT").(string),
	}
}

// A world is everything around the function: the API's simulator, DynamoDB Local with a table, and a topic. Every call is
// counted on its way.
type world struct {
	deployment
	t        *testing.T
	sim      *atlassim.Server
	topic    *topic
	dynamo   aws.Config
	table    string
	calls    *counter
	env      map[string]string
	function *testserver.Function
	caged    cage // with -lambda
	busy     time.Duration
	deadline time.Duration // of each run
}

func newWorld(t *testing.T, watch string) *world {
	t.Helper()
	build.Do(func() { bootstrap = testserver.BuildFunction(t, "watcher") })
	w := &world{deployment: deployed(t), t: t, sim: new(atlassim.Server), topic: newTopic(), calls: new(counter)}
	w.deadline = w.timeout
	if !*lambda {
		w.deadline = 4 * time.Minute // the machine may be busy with others; what is asserted is no time
	}
	w.dynamo = testserver.AWSConfig(t, testserver.DynamoDB(t))
	w.table = testserver.StateTable(t, w.dynamo)
	w.env = map[string]string{
		"WATCH": watch, "ATLAS_BASE_URL": w.serve(w.sim), "STATE_TABLE": w.table,
		"ATLAS_PUBLIC_KEY": atlassim.DefaultPublicKey, "ATLAS_PRIVATE_KEY": atlassim.DefaultPrivateKey,
		"EVENTS_TOPIC_ARN":          "arn:aws:sns:eu-west-1:123456789012:events",
		"AWS_ENDPOINT_URL":          w.serve(w.topic),
		"AWS_ENDPOINT_URL_DYNAMODB": w.serve(w.calls.before(*w.dynamo.BaseEndpoint)),
		"GOMEMLIMIT":                w.limit,
	}
	return w
}

func (w *world) serve(h http.Handler) (endpoint string) {
	server := httptest.NewServer(h)
	w.t.Cleanup(server.Close)
	return server.URL
}

// A counter counts calls to DynamoDB by their operation.
type counter struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *counter) before(endpoint string) http.Handler {
	to, _ := url.Parse(endpoint) // of a server that runs
	proxy := httputil.NewSingleHostReverseProxy(to)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	proxy.Transport = transport
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		c.mu.Lock()
		if c.calls == nil {
			c.calls = make(map[string]int)
		}
		c.calls[name]++
		c.mu.Unlock()
		proxy.ServeHTTP(w, r)
	})
}

// take returns the calls since the last take.
func (c *counter) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

// A cost is what one run took.
type cost struct {
	runs     int // in a sum
	report   report
	failed   string         // the error of the invocation, or ""
	requests int            // to the API
	dynamo   map[string]int // by operation
	calls    int            // to SNS
	peak     int            // kB
	busy     time.Duration  // processor time
	took     time.Duration
}

// A report is the answer to a tick.
type report struct {
	Targets, Listed, Changed, Published, Pending int
	Failures                                     []struct{ Target, Kind, Message string }
}

func (c cost) String() string {
	return fmt.Sprintf("%d targets, %d listed, %d changed, %d published, %d pending, %d failures | %d requests, %d puts, %d queries, %d SNS calls | "+
		"%.1f MB, %.2f s of processor, %.1f s",
		c.report.Targets, c.report.Listed, c.report.Changed, c.report.Published, c.report.Pending, len(c.report.Failures),
		c.requests, c.dynamo["PutItem"], c.dynamo["Query"], c.calls,
		float64(c.peak)/1024, c.busy.Seconds(), c.took.Seconds())
}

// coldStart makes the next run one of a new process.
func (w *world) coldStart() {
	w.t.Helper()
	if w.function != nil {
		w.function.Stop()
	}
	var env []string
	for _, name := range slices.Sorted(maps.Keys(w.env)) {
		env = append(env, name+"="+w.env[name])
	}
	program := bootstrap
	if *lambda {
		if w.caged == (cage{}) {
			w.caged = newCage(w.t, w.table, w.memory)
		}
		program = w.caged.around(w.t, program)
	}
	w.function, w.busy = testserver.StartFunction(w.t, program, env...), 0
}

// run makes one invocation and returns what it cost. Whatever it took may not be more than the function has.
func (w *world) run(name string) cost {
	w.t.Helper()
	if w.function == nil {
		w.coldStart()
	}
	payload, err := os.ReadFile("../../events/tick.json")
	if err != nil {
		w.t.Fatal(err)
	}
	w.sim.ResetRequests()
	w.calls.take()
	w.topic.takeCalls()
	forget(w.t, w.function.PID())
	began := time.Now()
	outcome := w.function.Invoke(string(payload), w.deadline)
	c := cost{took: time.Since(began), requests: len(w.sim.Requests()), dynamo: w.calls.take(), calls: w.topic.takeCalls()}
	c.peak = peakOf(w.t, w.function.PID())
	busy := busyOf(w.t, w.function.PID())
	c.busy, w.busy = busy-w.busy, busy
	if outcome.Error != nil {
		c.failed = outcome.Error.Message
	} else if err := json.Unmarshal([]byte(outcome.Response), &c.report); err != nil {
		w.t.Fatalf("report: %v", err)
	}
	w.t.Logf("%s: %s", name, c)
	if c.failed != "" {
		w.t.Logf("%s: %.300s", name, c.failed)
	}
	if *lambda {
		w.t.Logf("%s: %.1f MB were charged to the control group at the most, pages of files among them", name, float64(w.caged.peak(w.t))/1024)
	}
	if c.peak >= w.memory<<10 {
		w.t.Errorf("%s: the function has taken %d kB, and has %d MB", name, c.peak, w.memory)
	}
	return c
}

// untilDone makes runs until one has left nothing for the next, and returns the sum of what they cost. Without -lambda the
// first has time for everything. What the report counts is that of the last run alone: one that fails has no report.
func (w *world) untilDone(name string) (sum cost) {
	w.t.Helper()
	for sum.runs < 60 {
		c := w.run(name)
		sum.add(c)
		if c.failed == "" && len(c.report.Failures) == 0 {
			return sum
		}
		for _, f := range c.report.Failures {
			c.failed += f.Message
		}
		if !strings.Contains(c.failed, "left for the next run") {
			w.t.Fatalf("%s: %.1000s", name, c.failed)
		}
	}
	w.t.Fatalf("%s: not done after an hour", name)
	return sum
}

// add adds what another run took. The memory is the most that any took.
func (c *cost) add(other cost) {
	c.runs++
	c.report = other.report
	c.requests += other.requests
	c.calls += other.calls
	c.peak = max(c.peak, other.peak)
	c.busy += other.busy
	c.took += other.took
	if c.dynamo == nil {
		c.dynamo = make(map[string]int)
	}
	for name, n := range other.dynamo {
		c.dynamo[name] += n
	}
}

// mustRun makes an invocation that has to succeed.
func (w *world) mustRun(name string) cost {
	w.t.Helper()
	c := w.run(name)
	if c.failed != "" || len(c.report.Failures) > 0 {
		w.t.Fatalf("%s: %s %+v", name, c.failed, c.report.Failures)
	}
	return c
}

// want checks a number that was counted.
func (w *world) want(what string, got, want int) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: %d, want %d", what, got, want)
	}
}

// atMost checks a number that was counted.
func (w *world) atMost(what string, got, most int) {
	w.t.Helper()
	if got > most {
		w.t.Errorf("%s: %d, want at most %d", what, got, most)
	}
}

// wantTold checks that every event owed has arrived, that none has besides, that each subject's came in order, and how
// many came again.
func (w *world) wantTold(owed []string, again int) {
	w.t.Helper()
	for _, difference := range w.topic.differences(owed) {
		w.t.Error(difference)
	}
	_, n := w.topic.heard()
	w.atMost("events that came again", n, again)
}

// A table is what docs/scale.md shows of a test.
type table struct{ lines []string }

func newTable(columns ...string) *table {
	return &table{[]string{
		"| " + strings.Join(columns, " | ") + " |",
		"|" + strings.Repeat(" --- |", len(columns)),
	}}
}

func (b *table) row(cells ...any) {
	var line strings.Builder
	line.WriteString("|")
	for _, cell := range cells {
		fmt.Fprintf(&line, " %v |", cell)
	}
	b.lines = append(b.lines, line.String())
}

func (b *table) log(t *testing.T) { t.Log("\n" + strings.Join(b.lines, "\n")) }

// megabytes and seconds write figures as the tables have them.
func megabytes(kB int) string { return fmt.Sprintf("%.0f MB", float64(kB)/1024) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
