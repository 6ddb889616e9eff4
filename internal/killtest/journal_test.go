package killtest

import (
	"slices"
	"strings"
	"sync"
)

// A journal is what the proxies of one program see of one run.
type journal struct {
	mu    sync.Mutex
	calls []*call
	met   map[faultKind]int  // over all runs
	end   func(by faultKind) // kills the program that makes the run
}

// A call is one request of a run.
type call struct {
	journal   *journal
	server    string
	operation string
	reached   bool // the server has answered
	answered  bool // and the answer is on its way to the program
	end       func(by faultKind)
}

func newJournal() *journal { return &journal{met: map[faultKind]int{}} }

// begin begins a run; end kills the program that makes it.
func (j *journal) begin(end func(by faultKind)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls, j.end = nil, end
}

func (j *journal) asked(server, operation string) *call {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := &call{journal: j, server: server, operation: operation, end: j.end}
	j.calls = append(j.calls, c)
	return c
}

func (c *call) arrived() {
	c.journal.mu.Lock()
	defer c.journal.mu.Unlock()
	c.reached = true
}

func (c *call) relayed() {
	c.journal.mu.Lock()
	defer c.journal.mu.Unlock()
	c.answered = true
}

// struck notes that a request met a fault of the network.
func (j *journal) struck(kind faultKind) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if kind != "" && !slices.Contains(kills, kind) {
		j.met[kind]++
	}
}

// kill ends the program of the run to which the request belongs, and returns when it is gone. A late answer to a program
// that has been killed already ends nobody.
func (c *call) kill(by faultKind) { c.end(by) }

// The phases of a run, as its requests show them.
const (
	start   = "0 start"
	load    = "1 load"
	list    = "2 list"
	save    = "3 save"
	publish = "4 publish"
	trim    = "5 trim"
)

// phase says how far the run in hand has come, by its latest request. The passes of one run are made at once, so that
// another target may be in another phase.
func (j *journal) phase() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.calls) == 0 {
		return start
	}
	last := j.calls[len(j.calls)-1]
	published := slices.ContainsFunc(j.calls, func(c *call) bool { return c.operation == "PublishBatch" })
	var stage string
	switch {
	case last.operation == "PutItem" && published:
		stage = trim
	case last.operation == "PutItem":
		stage = save
	case last.operation == "PublishBatch":
		stage = publish
	case last.operation == "Query":
		stage = load
	default:
		stage = list
	}
	switch {
	case last.answered:
		return stage + ", answered"
	case last.reached:
		return stage + ", done and not answered"
	}
	return stage + ", asked"
}

// trail lists the requests of the run in hand.
func (j *journal) trail() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []string
	for _, c := range j.calls {
		mark := "?"
		if c.answered {
			mark = ""
		} else if c.reached {
			mark = "!"
		}
		all = append(all, c.operation+mark)
	}
	return strings.Join(all, " ")
}
