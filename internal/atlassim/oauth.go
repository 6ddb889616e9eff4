package atlassim

import (
	"crypto/rand"
	"crypto/subtle"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// The paths of the service accounts' tokens.
const (
	tokenPath  = "/api/oauth/token" //nolint:gosec // a path
	revokePath = "/api/oauth/revoke"
)

// MaxTokens is how many live tokens a service account may have; who asks for one more gets 403.
const MaxTokens = 100

// badToken is the challenge to a token that is not taken (RFC 6750 section 3). What Atlas itself answers then is not
// documented.
const badToken = `Bearer error="invalid_token"` //nolint:gosec // says that a token is bad

// A token is what was given to a service account. One that is revoked is forgotten.
type token struct {
	client  string
	expires time.Time
}

func isOAuth(r *http.Request) bool { return r.URL.Path == tokenPath || r.URL.Path == revokePath }

// bearer checks a token and returns the client id that it was given to. The caller has the lock.
func (s *Server) bearer(shown string) (client string, v verdict) {
	t, ok := s.tokens[shown]
	if !ok || !s.now().Before(t.expires) {
		return "", spent
	}
	if _, known := s.clients()[t.client]; !known {
		return "", spent
	}
	return t.client, granted
}

// RevokeTokens makes every token that was given out so far worthless.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = nil
}

// An oauthProblem is an error as RFC 6749 section 5.2 has it, which is not the form of the rest of the API.
type oauthProblem struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (p oauthProblem) write(w http.ResponseWriter) {
	if p.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Basic")
	}
	writeOAuth(w, p.status, p)
}

func writeOAuth(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, false, "", body)
}

// oauth serves the token endpoint and its counterpart. Neither minds the access list; using a token does.
func (s *Server) oauth(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		wrongMethod(r, http.MethodPost).write(w)
		return
	}
	form, malformed := tokenForm(r) // before the lock: a body may take its time
	s.mu.Lock()
	body, refused, limited := s.exchange(r, form, malformed)
	s.mu.Unlock()
	switch {
	case limited != nil:
		limited.write(w)
	case refused != nil:
		refused.write(w)
	case body == nil:
		w.WriteHeader(http.StatusOK)
	default:
		writeOAuth(w, http.StatusOK, body)
	}
}

// exchange gives a token for the credentials in r, or takes one back. The caller has the lock.
func (s *Server) exchange(r *http.Request, form url.Values, malformed *oauthProblem) (body any, refused *oauthProblem, limited *problem) {
	client, secret := basicCredentials(r)
	if s.LimitRate {
		peer, _ := netip.ParseAddrPort(r.RemoteAddr)
		if limited := s.countMinute("token/"+client+"/"+peer.Addr().String(), r.URL.Path, tokenRateLimit); limited != nil {
			return nil, nil, limited
		}
	}
	want, known := s.clients()[client]
	if !known || subtle.ConstantTimeCompare([]byte(want), []byte(secret)) != 1 {
		return nil, &oauthProblem{http.StatusUnauthorized, "invalid_client", "Invalid credentials provided."}, nil
	}
	switch {
	case malformed != nil:
		return nil, malformed, nil
	case r.URL.Path == revokePath:
		delete(s.tokens, form.Get("token"))
		return nil, nil, nil
	case form.Get("grant_type") != "client_credentials":
		return nil, &oauthProblem{http.StatusBadRequest, "unsupported_grant_type", "The grant type is not supported."}, nil
	}
	body, refused = s.issue(client)
	return body, refused, nil
}

// issue gives a token that can be recognised wherever it leaks to.
func (s *Server) issue(client string) (any, *oauthProblem) {
	live := 0
	for _, t := range s.tokens {
		if t.client == client && s.now().Before(t.expires) {
			live++
		}
	}
	if live >= MaxTokens {
		return nil, &oauthProblem{http.StatusForbidden, "access_denied",
			"Access Token limit reached. Please use the existing Access Tokens or create a new Service Account."}
	}
	if s.tokens == nil {
		s.tokens = map[string]token{}
	}
	made, life := s.secret()+"-token-"+rand.Text(), s.tokenLife()
	s.tokens[made] = token{client, s.now().Add(life)}
	return struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		TokenType   string `json:"token_type"`
	}{made, int64(life.Seconds()), "Bearer"}, nil
}

// basicCredentials reads the client's id and secret, which RFC 6749 section 2.3.1 wants encoded as in a form. Atlas
// takes them in the header alone, not in the body.
func basicCredentials(r *http.Request) (client, secret string) {
	user, password, _ := r.BasicAuth()
	client, errID := url.QueryUnescape(user)
	secret, errSecret := url.QueryUnescape(password)
	if errID != nil || errSecret != nil {
		return "", ""
	}
	return client, secret
}

// maxForm bounds the body of a request for a token.
const maxForm = 64 << 10

func tokenForm(r *http.Request) (url.Values, *oauthProblem) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(nil, r.Body, maxForm)
	if err != nil || media != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		return nil, &oauthProblem{http.StatusBadRequest, "invalid_request", "The request is not a form."}
	}
	if r.URL.Path == tokenPath && r.PostForm.Get("grant_type") == "" {
		return nil, &oauthProblem{http.StatusBadRequest, "invalid_request", "The request has no grant_type."}
	}
	return r.PostForm, nil
}
