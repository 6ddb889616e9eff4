package loadtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A topic is an SNS endpoint that knows PublishBatch and no other call. The emulators take some hundred messages a second
// and would be all that is measured; what they are for, that SNS takes what is sent, is shown by other tests.
type topic struct {
	delay time.Duration // of each answer

	mu    sync.Mutex
	calls int
	told  map[string]int // how often each event arrived, by id
	last  map[string]int // the sequence that arrived last, by subject
	wrong []string       // what broke the order
}

func newTopic() *topic { return &topic{told: make(map[string]int), last: make(map[string]int)} }

// ServeHTTP answers a call in the query protocol of SNS.
func (t *topic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Form.Get("Action") != "PublishBatch" {
		http.Error(w, "this topic knows PublishBatch alone", http.StatusNotImplemented)
		return
	}
	time.Sleep(t.delay)
	var taken strings.Builder
	for n := 1; ; n++ {
		entry := "PublishBatchRequestEntries.member." + strconv.Itoa(n) + "."
		if !r.Form.Has(entry + "Id") {
			break
		}
		t.take(r.Form.Get(entry + "Message"))
		fmt.Fprintf(&taken, "<member><Id>%s</Id><MessageId>%d</MessageId></member>", r.Form.Get(entry+"Id"), n)
	}
	t.mu.Lock()
	t.calls++
	t.mu.Unlock()
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult>`+
		`<Successful>%s</Successful><Failed/></PublishBatchResult></PublishBatchResponse>`, &taken)
}

// take notes the event in a message.
func (t *topic) take(message string) {
	var parts struct{ Default string }
	var event struct{ ID, Subject, Sequence string }
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := json.Unmarshal([]byte(message), &parts); err != nil {
		t.wrong = append(t.wrong, "message: "+err.Error())
		return
	}
	if err := json.Unmarshal([]byte(parts.Default), &event); err != nil {
		t.wrong = append(t.wrong, "event: "+err.Error())
		return
	}
	sequence, err := strconv.Atoi(event.Sequence)
	if t.told[event.ID]++; t.told[event.ID] > 1 {
		return // told again, as it was before
	}
	if err != nil || sequence <= t.last[event.Subject] {
		t.wrong = append(t.wrong, fmt.Sprintf("%s has sequence %q after %d", event.ID, event.Sequence, t.last[event.Subject]))
	}
	t.last[event.Subject] = sequence
}

// takeCalls returns how many calls were made since it was asked last.
func (t *topic) takeCalls() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.calls
	t.calls = 0
	return n
}

// heard returns how many events have arrived, and how often any of them came again.
func (t *topic) heard() (events, again int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.told {
		again += n - 1
	}
	return len(t.told), again
}

// missing returns which of the events owed have not arrived.
func (t *topic) missing(owed []string) (ids []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range owed {
		if t.told[id] == 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// differences returns how what arrived differs from what is owed, and what arrived out of order: at most ten of each.
func (t *topic) differences(owed []string) (found []string) {
	missing := t.missing(owed)
	t.mu.Lock()
	defer t.mu.Unlock()
	unasked := maps.Clone(t.told)
	for _, id := range owed {
		delete(unasked, id)
	}
	for what, ids := range map[string][]string{
		"is missing": missing, "was not owed": slices.Sorted(maps.Keys(unasked)), "(out of order)": t.wrong,
	} {
		for i, id := range ids {
			if i == 10 {
				found = append(found, fmt.Sprintf("… %s, as of %d in all", what, len(ids)))
				break
			}
			found = append(found, id+" "+what)
		}
	}
	return found
}
