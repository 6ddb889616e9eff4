package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

const receiversValue = "receivers"

// receivers are a Slack and a webhook on one server, by the first word of the path.
type receivers struct {
	mu      sync.Mutex
	answers map[string]answer
	taken   map[string][]string // bodies
}

type answer struct {
	status int
	word   string
}

func newReceivers() *receivers {
	return &receivers{
		answers: map[string]answer{"slack": {200, "ok"}, "webhook": {204, ""}},
		taken:   make(map[string][]string),
	}
}

// ServeHTTP keeps what it takes.
func (r *receivers) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	who, _, _ := strings.Cut(request.URL.Path[1:], "/")
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.answers[who]
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.word)
	if a.status < 300 {
		r.taken[who] = append(r.taken[who], string(body))
	}
}

// take returns what somebody has got since the last call.
func (r *receivers) take(who string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.taken[who]
	delete(r.taken, who)
	return all
}

func startReceivers(ts *testscript.TestScript, _ bool, _ []string) {
	server := httptest.NewServer(ts.Value(receiversValue).(*receivers))
	ts.Defer(server.Close)
	ts.Setenv("RECEIVERS", server.URL)
	ts.Setenv("SLACK_WEBHOOK_URL", server.URL+"/slack/CANARY")
	ts.Setenv("WEBHOOK_URL", server.URL+"/webhook/CANARY")
	ts.Setenv("WEBHOOK_SECRET", "CANARY-secret")
}

func setAnswer(ts *testscript.TestScript, _ bool, args []string) {
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	r := ts.Value(receiversValue).(*receivers)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[args[0]] = answer{status, strings.Join(args[2:], " ")}
}

func checkReceived(ts *testscript.TestScript, _ bool, args []string) {
	got := ts.Value(receiversValue).(*receivers).take(args[0])
	if want, _ := strconv.Atoi(args[1]); len(got) != want {
		ts.Fatalf("%s has taken %d posts, want %d: %q", args[0], len(got), want, got)
	}
	for _, text := range args[2:] {
		if !strings.Contains(got[len(got)-1], text) {
			ts.Fatalf("%s has taken %s, want %q in it", args[0], got[len(got)-1], text)
		}
	}
}
