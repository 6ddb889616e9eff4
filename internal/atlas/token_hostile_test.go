package atlas

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"restorewatch/internal/restore"
)

// Neither the client's secret nor a token follows a redirect to another host, whatever its status: some of them would
// send the request's body along.
func TestTokensGoNowhereElse(t *testing.T) {
	elsewhere := &witness{Handler: serve(`{"access_token":"CANARY-theirs","token_type":"Bearer","expires_in":3600}`)}
	evil := httptest.NewTLSServer(elsewhere)
	defer evil.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, of := range []string{"token", "api"} {
			t.Run(fmt.Sprint(of, status), func(t *testing.T) {
				moved := http.RedirectHandler(evil.URL+"/CANARY", status)
				s := &issuer{next: serve(pageJSON(""))}
				if of == "api" {
					s.next = moved
				} else {
					s.token = func(w http.ResponseWriter, r *http.Request) bool { moved.ServeHTTP(w, r); return true }
				}
				srv := httptest.NewTLSServer(s)
				defer srv.Close()
				c := newClient(t, nil, withClient, func(o *Options) { o.BaseURL, o.Base = srv.URL, srv.Client().Transport })
				_, err := list(t.Context(), c, cloudTarget, 100)
				failure(t, err, restore.FailedInvalidResponse)
				uncanny(t, err)
				if len(elsewhere.asked) != 0 {
					t.Fatalf("asked elsewhere: %v", elsewhere.asked[0].Header)
				}
			})
		}
	}
}

// The client's secret goes to the token endpoint alone, and the token to all else.
func TestSecretGoesToTheTokenEndpointAlone(t *testing.T) {
	w := &witness{Handler: &issuer{next: serve(pageJSON(""))}}
	c := newClient(t, w, withClient)
	for _, to := range []restore.Target{target, cloudTarget, flexTarget} {
		if _, err := list(t.Context(), c, to, 100); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range w.asked {
		scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if atEndpoint := r.URL.Path == "/api/oauth/token"; atEndpoint != (scheme == "Basic") || !atEndpoint != (scheme == "Bearer") {
			t.Errorf("%s got %s", r.URL, scheme)
		}
		if r.URL.RawQuery != "" && strings.Contains(r.URL.RawQuery, "CANARY") {
			t.Errorf("a secret in the query of %s", r.URL)
		}
	}
}

// Servers that repeat what they were sent, wherever an error could quote it.
func TestRepeatedCredentialsAreNotTold(t *testing.T) {
	basic := base64.StdEncoding.EncodeToString([]byte(clientID + ":mdb_sa_sk_CANARY-secret%2F%2B+%25"))
	inBody := func(status int, format string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, format, r.Header.Get("Authorization"))
		}
	}
	inHeader := func(status int, name, format string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(name, fmt.Sprintf(format, r.Header.Get("Authorization")))
			w.WriteHeader(status)
		}
	}
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"error of the api":       inBody(403, `{"errorCode":"X","detail":"you sent %s"}`),
		"error with 200":         inBody(200, `{"errorCode":"X","detail":"you sent %s"}`),
		"reason":                 inBody(500, `{"reason":%q}`),
		"code":                   inBody(400, `{"errorCode":%q}`),
		"no json":                inBody(200, `you sent %s`),
		"a page of a proxy":      inBody(407, `<html>%s</html>`),
		"of RFC 6749":            inBody(401, `{"error":"invalid_client","error_description":%q}`),
		"error of RFC 6749":      inBody(400, `{"error":%q}`),
		"code in the header":     inHeader(404, "X-Error-Code", "%s"),
		"type of the content":    inHeader(200, "Content-Type", "text/%s"),
		"scheme":                 inHeader(401, "Www-Authenticate", "%s"),
		"address of a redirect":  inHeader(302, "Location", "https://evil.test/?%s"),
		"path of a redirect":     inHeader(302, "Location", "/%%zz%s"),
		"host of a redirect":     inHeader(302, "Location", "https://%.12sCANARY.test/"),
		"retry after":            inHeader(429, "Retry-After", "%s"),
		"deprecation":            inHeader(410, "Sunset", "%s"),
		"id of a job, as a page": inBody(200, `{"results":[{"id":%q}]}`),
		"next link":              inBody(200, `{"links":[{"rel":"next","href":"::%s"}],"results":[{"id":"a"}]}`),
	} {
		for _, of := range []string{"token", "api"} {
			t.Run(of+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &issuer{next: http.HandlerFunc(answer)}
					if of == "token" {
						s.token = func(w http.ResponseWriter, r *http.Request) bool { answer(w, r); return true }
					}
					_, err := list(t.Context(), newClient(t, s, withClient), cloudTarget, 100)
					if name == "host of a redirect" { // names what is no secret: see where it is sent
						return
					}
					uncanny(t, err)
					if strings.Contains(err.Error(), basic) || strings.Contains(err.Error(), basic[len(basic)-20:]) {
						t.Errorf("tells HTTP Basic: %v", err)
					}
				})
			})
		}
	}
}

// A token that would break the header that carries it is sent to nobody, and told to nobody.
func TestTokensThatAreNone(t *testing.T) {
	for name, token := range map[string]string{
		"line break": `CANARY\r\nX-Evil: 1`, "NUL": `CANARY\u0000`, "long": strings.Repeat("CANARY", 9000), "blank": ` `,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &issuer{next: serve(pageJSON("")), token: said(200, `{"access_token":"`+token+`","token_type":"Bearer","expires_in":3600}`)}
			c := newClient(t, s, withClient)
			_, err := list(t.Context(), c, cloudTarget, 100)
			failure(t, err, restore.FailedInvalidResponse, "fetch an access token")
			uncanny(t, err)
			if c.Requests() != 1 {
				t.Errorf("%s: %d requests", name, c.Requests())
			}
		})
	}
}
