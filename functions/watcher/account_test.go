package main

import (
	"encoding/json"
	"testing"

	"restorewatch/internal/atlassim"
)

// serviceAccount makes the function's secret one of a service account.
func (w *world) serviceAccount(id, secret string) {
	w.t.Helper()
	text, err := json.Marshal(map[string]string{"clientId": id, "clientSecret": secret})
	w.must("encode secret", err)
	w.makeNamedSecret("account-"+w.name(), string(text))
	w.env["ATLAS_CREDENTIALS_SECRET"] = "account-" + w.name()
}

// An hour of runs, one a minute, makes one of the hundred tokens that a service account may have. A process that starts
// anew makes another, and so does one whose token was revoked.
func TestOneTokenForSixtyRuns(t *testing.T) {
	w := newWorld(t)
	w.serviceAccount(atlassim.DefaultClientID, atlassim.DefaultClientSecret)
	for range 60 {
		w.mustTick()
	}
	if tokens, challenges := w.sim.TokenRequests(), w.sim.Count(401); tokens != 1 || challenges != 0 {
		t.Errorf("60 runs: %d token requests and %d answers 401, want 1 and 0", tokens, challenges)
	}
	if n := len(w.sim.Requests()); n != 61 {
		t.Errorf("60 runs: %d requests, want one each and one for the token", n)
	}
	if n := count(w.calls.take())["secretsmanager:GetSecretValue"]; n != 1 {
		t.Errorf("60 runs: the secret was fetched %d times, want once", n)
	}
	w.coldStart()
	w.mustTick()
	w.sim.RevokeTokens()
	w.mustTick()
	if n := w.sim.TokenRequests(); n != 3 {
		t.Errorf("%d token requests after a cold start and a revocation, want 3", n)
	}
}
