package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/restore"
)

// A canaryCase is one way to list restores, with the fields by which it gives access to a backup.
type canaryCase struct {
	name      string
	source    restore.Source
	legacyAPI string
	api       atlassim.API
	links     atlassim.URLForm
	fields    []string
}

var canaryCases = []canaryCase{
	{"legacy v1", restore.Legacy, "v1", atlassim.LegacyAPI, 0, []string{`"url":`, `"urlV2":`, `"authValue":`, `"authBearer":`}},
	{"legacy v2", restore.Legacy, "v2", atlassim.LegacyV2API, 0, []string{`"url":`, `"urlV2":`, `"authValue":`, `"authBearer":`}},
	{"manager", restore.Manager, "", atlassim.ManagerAPI, 0, []string{`"url":`, `"urlV2":`, `"authValue":`, `"authBearer":`}},
	{"cloud, links in arrays", restore.Cloud, "", atlassim.CloudAPI, atlassim.URLArray,
		[]string{`"deliveryUrl":["`, `"downloadUrl":"`, `"privateDownloadDeliveryUrls":[{"deliveryUrl":"`}},
	{"cloud, links in strings", restore.Cloud, "", atlassim.CloudAPI, atlassim.URLString,
		[]string{`"deliveryUrl":"`, `"downloadUrl":"`, `"privateDownloadDeliveryUrls":[{"deliveryUrl":"`}},
	{"flex", restore.Flex, "", atlassim.FlexAPI, 0, []string{`"snapshotUrl":"`}},
}

// The secret of a service account, its tokens, and each field of each API that opens a backup turn up nowhere, whatever
// goes well and whatever fails.
func TestNoSecretLeavesAnySource(t *testing.T) {
	for _, tt := range canaryCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newCanaryWorld(t, tt)
			w.serviceAccount("canary", "CANARY-client-secret")
			w.sim.Configure(func(s *atlassim.Server) { s.Clients = map[string]string{"canary": "CANARY-client-secret"} })
			w.leakNothing(tt)
		})
	}
}

// The same with an API key.
func TestNoKeyLeavesAnySource(t *testing.T) {
	for _, tt := range canaryCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newCanaryWorld(t, tt)
			w.makeNamedSecret("key-"+w.name(), `{"publicKey":"canary","privateKey":"CANARY-private-key"}`)
			w.env["ATLAS_CREDENTIALS_SECRET"] = "key-" + w.name()
			w.sim.Configure(func(s *atlassim.Server) { s.Keys = map[string]string{"canary": "CANARY-private-key"} })
			w.leakNothing(tt)
		})
	}
}

func newCanaryWorld(t *testing.T, tt canaryCase) *world {
	w := newWorld(t)
	target := restore.Target{Source: tt.source, Project: project, Cluster: cluster}
	w.begin(target, beforeThePage)
	w.env["WATCH"], w.env["LEGACY_API"], w.env["LOG_LEVEL"] = target.String(), tt.legacyAPI, "debug"
	w.sim.Configure(func(s *atlassim.Server) { s.Secret, s.DeliveryURLs = "CANARY-link", tt.links })
	w.sim.SetJobs(project, cluster, readyJobs(time.Now().Add(50*time.Minute)))
	return w
}

// readyJobs are a sharded restore and one of a replica set, each with links that are about to die.
func readyJobs(expires time.Time) []atlassim.Job {
	jobs := append(atlassim.PageExample(), atlassim.PageExample()[0])
	jobs[3].ID, jobs[3].BatchID = "5a66783b80eef5354c77ee17", ""
	for i := range jobs {
		jobs[i].Hashes = nil
		d := &jobs[i].Delivery
		d.StatusName, d.Expires, d.URL = "READY", expires, "" // the server makes up the links
		d.Extra = map[string]any{"authBearer": "CANARY-bearer"}
	}
	return jobs
}

// leakNothing makes everything happen that has the chance to tell a secret, and looks where it could have been told.
func (w *world) leakNothing(tt canaryCase) {
	t := w.t
	var listing seen
	w.sim.FailMatching(1, atlassim.OfAPI(tt.api), listing.spy())
	if r := w.mustTick(); r.Published < 5 {
		t.Errorf("published %d events of links that are ready", r.Published)
	}
	for _, field := range tt.fields {
		if text := listing.String(); !strings.Contains(text, field) || !strings.Contains(text, "CANARY") {
			t.Errorf("the listing has no %s, so nothing is shown about it: %.300s", field, text)
		}
	}
	faults := tellingFaults(tt)
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		w.sim.ClearFaults()
		w.sim.FailNext(4, faults[name])
		outcome := w.tick()
		if outcome.Error == nil {
			t.Errorf("%s was not noticed: %s", name, outcome.Response)
			continue
		}
		wantNoCanary(t, "error after "+name, outcome.Error.Message)
	}
	w.sim.ClearFaults()
	w.refuseCredentials()
	for _, m := range w.receive() {
		wantNoCanary(t, "event "+m.Event.ID, m.Message+m.Subject)
	}
	wantNoCanary(t, "table", w.items())
	wantNoCanary(t, "logs and metrics", w.output())
	if text := w.items() + w.output(); strings.Contains(text, "restore-5a66783b") || strings.Contains(text, "/pull/") {
		t.Error("a part of a download link is told")
	}
}

// refuseCredentials ends with credentials that are no longer good, and a server that repeats what it was sent.
func (w *world) refuseCredentials() {
	w.t.Helper()
	w.coldStart()
	w.sim.FailTokens(2, repeating(http.StatusBadRequest))
	w.sim.Configure(func(s *atlassim.Server) {
		s.Keys, s.Clients = map[string]string{"canary": "changed"}, map[string]string{"canary": "changed"}
	})
	w.sim.RevokeTokens()
	for range 2 {
		outcome := w.tick()
		if outcome.Error == nil {
			w.t.Fatalf("wrong credentials were not noticed: %s", outcome.Response)
		}
		wantNoCanary(w.t, "error about credentials", outcome.Error.Message)
		w.coldStart()
	}
}

// tellingFaults are answers that hold a secret where an error might quote them.
func tellingFaults(tt canaryCase) map[string]atlassim.Fault {
	all := map[string]atlassim.Fault{
		"a server error":       atlassim.Status(http.StatusInternalServerError),
		"HTML":                 atlassim.HTML(http.StatusOK),
		"half a body":          atlassim.Truncated(),
		"malformed JSON":       atlassim.Malformed(),
		"a job without id":     atlassim.WithoutID(),
		"a redirect":           atlassim.Redirect("https://example.com/CANARY-link"),
		"repeated credentials": repeating(http.StatusForbidden),
	}
	for _, field := range map[restore.Source][]string{ // those that cannot be left out of account
		restore.Cloud: {"id", "expired", "components"}, restore.Flex: {"id"}, restore.Legacy: {"id"}, restore.Manager: {"id"},
	}[tt.source] {
		all["a link for "+field] = linkFor(field)
	}
	if tt.source == restore.Cloud {
		all["a link in an object"] = edited(func(job map[string]any) { job["deliveryUrl"] = map[string]any{"href": "CANARY-link"} })
	}
	if tt.source == restore.Flex {
		all["a link in an object"] = edited(func(job map[string]any) { job["snapshotUrl"] = map[string]any{"href": "CANARY-link"} })
	}
	return all
}

// linkFor puts a link where something else belongs.
func linkFor(field string) atlassim.Fault {
	return edited(func(job map[string]any) { job[field] = "https://example.com/CANARY-link" })
}

func edited(edit func(job map[string]any)) atlassim.Fault {
	return atlassim.Edited(func(body map[string]any) {
		for _, job := range body["results"].([]any) {
			edit(job.(map[string]any))
		}
	})
}

// repeating refuses a request and repeats the credentials that it came with: the header as it was sent, and what is in it.
func repeating(status int) atlassim.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		_, password, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		said, _ := json.Marshal(map[string]any{ // strings always have a JSON form
			"error": status, "errorCode": "CANNOT_DO_THAT", "detail": fmt.Sprintf("Not with %s and %s.", r.Header.Get("Authorization"), password),
		})
		_, _ = w.Write(said)
	}
}

// seen is the first answer of a listing, as it was on the wire.
type seen struct {
	mu   sync.Mutex
	text string
}

func (s *seen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}

func (s *seen) spy() atlassim.Fault {
	return atlassim.Edited(func(body map[string]any) {
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		if err := e.Encode(body); err != nil {
			panic(err) // it was decoded from JSON a moment ago
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.text = text.String()
	})
}
