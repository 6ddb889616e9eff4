package atlas

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
)

func said(status int, body string, header ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
}

func TestTokenEndpointErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		token func(http.ResponseWriter, *http.Request) bool
		kind  restore.FailureKind
		words []string
		hint  string
	}{
		"wrong secret": {said(401, `{"error":"invalid_client","error_description":"Invalid credentials provided."}`),
			restore.FailedCredentials, []string{"401 invalid_client", "fetch an access token: Invalid credentials"}, "secret has not expired"},
		"wrong, with 400":    {said(400, `{"error":"invalid_grant"}`), restore.FailedCredentials, []string{"invalid_grant"}, "client id and the secret"},
		"401 without a code": {said(401, ``), restore.FailedCredentials, []string{"401"}, "secret has not expired"},
		"too many tokens": {said(403, `{"error":"access_denied","error_description":"Access Token limit reached. Please use the existing Access Tokens."}`),
			restore.FailedRateLimited, []string{"403 access_denied", "Access Token limit"}, "at most 100 live"},
		"denied": {said(403, `{"error":"access_denied","error_description":"no"}`), restore.FailedForbidden, []string{"access_denied"}, "role"},
		"too many requests": {said(429, `{"detail":"Resource /api/oauth/token is limited to 50 requests every 1 minutes.","error":429,"errorCode":"RATE_LIMITED",
"parameters":["/api/oauth/token",50,1],"reason":"Too Many Requests"}`, "Retry-After", "40"),
			restore.FailedRateLimited, []string{"429 RATE_LIMITED", "limited to 50 requests", "after 40s"}, "next run"},
		"address": {said(403, `{"error":403,"errorCode":"IP_ADDRESS_NOT_ON_ACCESS_LIST","detail":"No.","parameters":["203.0.113.9"]}`),
			restore.FailedAccessList, []string{"203.0.113.9"}, "Add 203.0.113.9"},
		"no such endpoint":  {said(404, `<html>`), restore.FailedConfig, []string{"404"}, "use an API key"},
		"moved":             {said(302, ``, "Location", "https://CANARY-url/"), restore.FailedInvalidResponse, []string{"302"}, "use an API key"},
		"down":              {said(500, `{"error":500,"errorCode":"UNEXPECTED_ERROR"}`), restore.FailedUnavailable, []string{"500 UNEXPECTED_ERROR"}, "status page"},
		"down for a moment": {said(503, `CANARY-body`), restore.FailedUnavailable, []string{"503"}, "status page"},
		"unsupported":       {said(400, `{"error":"unsupported_grant_type"}`), restore.FailedConfig, []string{"unsupported_grant_type"}, "request itself"},
		"no token":          {said(200, `{"token":"CANARY-token"}`), restore.FailedInvalidResponse, []string{"not in the form"}, "ATLAS_BASE_URL"},
		"no json":           {said(200, `CANARY-token`), restore.FailedInvalidResponse, []string{"not in the form"}, "ATLAS_BASE_URL"},
		"wrong types":       {said(200, `{"access_token":["CANARY-token"]}`), restore.FailedInvalidResponse, []string{"not in the form"}, "ATLAS_BASE_URL"},
		"of another type":   {said(200, `{"access_token":"CANARY-token","token_type":"mac"}`), restore.FailedInvalidResponse, []string{"type Bearer"}, "ATLAS_BASE_URL"},
		"huge":              {said(200, `{"access_token":"`+strings.Repeat("CANARY-token", 5000)+`"}`), restore.FailedInvalidResponse, []string{"too long"}, "ATLAS_BASE_URL"},
		"error with 200":    {said(200, `{"error":"invalid_client"}`), restore.FailedCredentials, []string{"invalid_client"}, "expired"},
		"repeats the secret": {said(401, `{"error":"`+clientSecret+`","error_description":"`+clientSecret+`"}`),
			restore.FailedCredentials, []string{"REDACTED"}, "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &issuer{next: serve(pageJSON("")), token: tt.token}
				c := newClient(t, s, withClient)
				_, err := list(t.Context(), c, cloudTarget, 100)
				e := failure(t, err, tt.kind, append(tt.words, "list restore jobs: GET ")...)
				if !strings.Contains(e.Hint(), tt.hint) {
					t.Errorf("hint %q does not say %q", e.Hint(), tt.hint)
				}
				uncanny(t, err)
				first := s.asked
				_, err = list(t.Context(), c, flexTarget, 100)
				failure(t, err, tt.kind, "flexClusters")
				if again := s.asked - first; again != 0 && name != "down for a moment" {
					t.Errorf("asked %d times for the next target too", again)
				}
				time.Sleep(50 * time.Second)
				s.token = nil
				if _, err = list(t.Context(), c, cloudTarget, 100); err != nil {
					t.Errorf("once it works: %v", err)
				}
			})
		})
	}
}
