package main

import (
	"strings"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
)

// Whatever opens a backup, and the key that opens the API, is planted where the API shows it and must turn up nowhere.
func TestNoSecretLeaves(t *testing.T) {
	const (
		link    = "CANARY-link-1d7f"
		private = "CANARY-private-93ab"
	)
	w := newWorld(t)
	w.since(beforeThePage)
	w.makeNamedSecret("canary-"+w.name(), `{"publicKey":"canary","privateKey":"`+private+`"}`)
	w.env["ATLAS_CREDENTIALS_SECRET"] = "canary-" + w.name()
	w.env["LOG_LEVEL"] = "debug"
	w.sim.Configure(func(s *atlassim.Server) {
		s.Secret, s.Keys = link, map[string]string{"canary": private}
	})
	jobs := atlassim.PageExample()
	for i := range jobs {
		jobs[i].Delivery.StatusName, jobs[i].Delivery.Expires = "READY", time.Now().Add(50*time.Minute)
		jobs[i].Delivery.URL = "https://example.com/" + link
		jobs[i].Delivery.URLV2 = "https://example.com/v2/" + link
		jobs[i].Delivery.AuthHeader, jobs[i].Delivery.AuthValue = "Authorization", link
	}
	w.sim.SetJobs(project, cluster, jobs)
	if r := w.mustTick(); r.Published != 16 {
		t.Errorf("published %d events, want the 13 of the page and 3 links about to expire", r.Published)
	}
	// Every way to fail, so that every kind of error has had the chance to tell.
	for _, fault := range []atlassim.Fault{
		atlassim.Status(500), atlassim.HTML(200), atlassim.Truncated(), atlassim.Malformed(), atlassim.WithoutID(),
		atlassim.RateLimited("3600"), atlassim.Redirect("https://example.com/" + link),
	} {
		w.sim.ClearFaults()
		w.sim.FailNext(4, fault)
		outcome := w.tick()
		if outcome.Error == nil {
			t.Errorf("a fault was not noticed: %s", outcome.Response)
			continue
		}
		wantNoCanary(t, "error", outcome.Error.Message)
	}
	w.sim.ClearFaults()
	w.sim.Configure(func(s *atlassim.Server) { s.Keys = map[string]string{"canary": "changed"} })
	w.tick()
	messages := 0
	for _, m := range w.receive() {
		wantNoCanary(t, "event "+m.Event.ID, m.Message+m.Subject)
		messages++
	}
	if messages < 16 {
		t.Errorf("%d messages looked at, want at least 16", messages)
	}
	wantNoCanary(t, "table", w.items())
	wantNoCanary(t, "logs and metrics", w.function.Output())
}

func wantNoCanary(t *testing.T, where, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s: nothing to look at", where)
	}
	if at := strings.Index(text, "CANARY"); at >= 0 {
		t.Errorf("%s tells a secret: …%.80s…", where, text[max(0, at-40):])
	}
	if strings.Contains(text, "backup/restore/v2/pull") {
		t.Errorf("%s holds a download link", where)
	}
}
