package atlassim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A problem is an error as the API tells it.
type problem struct {
	Status     int
	Code       string
	Detail     string
	Parameters []any
	Challenge  string // WWW-Authenticate
	RetryAfter string // Retry-After
	Allow      string // Allow
}

// errorBody is the API's form. A challenge has no parameters; other errors without any have null.
type errorBody struct {
	Detail     string `json:"detail"`
	Error      int    `json:"error"`
	ErrorCode  string `json:"errorCode"`
	Parameters []any  `json:"parameters"`
	Reason     string `json:"reason"`
}

type challengeBody struct {
	Error     int    `json:"error"`
	Reason    string `json:"reason"`
	Detail    string `json:"detail"`
	ErrorCode string `json:"errorCode"`
}

func (p problem) write(w http.ResponseWriter) {
	headers := [][2]string{{"X-Error-Code", p.Code}, {"WWW-Authenticate", p.Challenge}, {"Retry-After", p.RetryAfter}, {"Allow", p.Allow}}
	for _, h := range headers {
		if h[1] != "" {
			w.Header().Set(h[0], h[1])
		}
	}
	reason := http.StatusText(p.Status)
	if p.Challenge != "" {
		writeJSON(w, p.Status, true, "", challengeBody{p.Status, reason, p.Detail, p.Code})
		return
	}
	writeJSON(w, p.Status, false, "", errorBody{p.Detail, p.Status, p.Code, p.Parameters, reason})
}

// writeJSON answers with the JSON of v, which is of a version of its resource, or of none.
func writeJSON(w http.ResponseWriter, status int, pretty bool, version string, v any) {
	b, err := encode(v)
	if err != nil {
		panic(fmt.Sprintf("atlassim: the answer has no JSON form: %v", err)) // a test put a channel into Extra
	}
	if pretty {
		var indented bytes.Buffer
		_ = json.Indent(&indented, b, "", "  ") // b is JSON
		b = indented.Bytes()
	}
	w.Header().Set("Content-Type", contentType(version))
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that has gone misses nothing
}

// A visit is one request that has been let in, with all that its answer depends on.
type visit struct {
	place
	query
	key     string // public key or client id
	version string
	base    string // scheme and host of links
	world   world  // of the project that is asked about, if there is one
}

// An entry is one thing that a listing has. show returns what becomes its JSON; alone says that it is not shown in a
// listing, but asked for by id.
type entry struct {
	id   string
	show func(alone bool) any
}

// answer serves an authenticated request as the API would.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, key string) {
	s.mu.Lock()
	v := &visit{key: key}
	body, wrong := s.lookUp(v, r, w.Header())
	s.mu.Unlock()
	if wrong != nil {
		wrong.write(w)
		return
	}
	writeJSON(w, http.StatusOK, v.pretty, v.version, body)
}

// lookUp returns the body of the answer, or what is wrong with the request; headers that go with either are set in h.
// The caller has the lock.
func (s *Server) lookUp(v *visit, r *http.Request, h http.Header) (body any, wrong *problem) {
	if wrong = s.admitted(v, r, h); wrong != nil {
		return nil, wrong
	}
	if v.query, wrong = parseQuery(r.URL.Query()); wrong != nil {
		return nil, wrong
	}
	v.base, v.world = s.base(r), s.world(v.within())
	entries, wrong := v.route.entries(s, v)
	switch {
	case wrong != nil:
		return nil, wrong
	case v.id == "":
		return v.page(entries), nil
	}
	return v.one(entries)
}

// admitted finds out what is asked for, and checks whether it may be asked for at all, and now.
func (s *Server) admitted(v *visit, r *http.Request, h http.Header) (wrong *problem) {
	if wrong := s.refuseCaller(r); wrong != nil {
		return wrong
	}
	var ok bool
	if v.place, ok = locate(r.URL); !ok {
		return notFound("RESOURCE_NOT_FOUND", fmt.Sprintf("Cannot find resource %s.", r.URL.Path), r.URL.Path)
	}
	if r.Method != http.MethodGet {
		return wrongMethod(r, http.MethodGet)
	}
	if v.version, wrong = s.negotiate(r, v.route); wrong != nil {
		return wrong
	}
	s.deprecation(v.route, v.version).announce(h)
	if wrong := s.limitRate(v.place, h); wrong != nil {
		return wrong
	}
	return s.refuseRole(v)
}

func wrongMethod(r *http.Request, right string) *problem {
	return &problem{Status: http.StatusMethodNotAllowed, Code: "METHOD_NOT_ALLOWED", Allow: right,
		Detail: fmt.Sprintf("The method %s is not allowed here.", r.Method), Parameters: []any{r.Method}}
}

// refuseRole refuses what takes more than Project Read Only: listings of Cloud Backup restores take Project Backup
// Manager.
func (s *Server) refuseRole(v *visit) *problem {
	if v.route.api != CloudAPI || !slices.Contains(s.ReadOnly, v.key) {
		return nil
	}
	return &problem{Status: http.StatusUnauthorized, Code: "USER_UNAUTHORIZED",
		Detail: "The current user is not authorized to perform this action."}
}

func (s *Server) base(r *http.Request) string {
	switch {
	case s.BaseURL != "":
		return strings.TrimSuffix(s.BaseURL, "/")
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Server) refuseCaller(r *http.Request) *problem {
	caller := s.Caller
	if !caller.IsValid() {
		peer, _ := netip.ParseAddrPort(r.RemoteAddr)
		caller = peer.Addr().Unmap()
	}
	if len(s.AccessList) == 0 || slices.ContainsFunc(s.AccessList, func(p netip.Prefix) bool { return p.Contains(caller) }) {
		return nil
	}
	return &problem{Status: http.StatusForbidden, Code: "IP_ADDRESS_NOT_ON_ACCESS_LIST",
		Detail: fmt.Sprintf("IP address %s is not allowed to access this resource.", caller), Parameters: []any{caller.String()}}
}

func notFound(code, detail string, parameters ...any) *problem {
	return &problem{Status: http.StatusNotFound, Code: code, Detail: detail, Parameters: parameters}
}
