package atlassim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// root begins every path of the API.
const root = "/api/atlas/v1.0"

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
		writeJSON(w, p.Status, true, challengeBody{p.Status, reason, p.Detail, p.Code})
		return
	}
	writeJSON(w, p.Status, false, errorBody{p.Detail, p.Status, p.Code, p.Parameters, reason})
}

func writeJSON(w http.ResponseWriter, status int, pretty bool, v any) {
	b, err := encode(v)
	if err != nil {
		panic(fmt.Sprintf("atlassim: the answer has no JSON form: %v", err)) // a test put a channel into Extra
	}
	if pretty {
		var indented bytes.Buffer
		_ = json.Indent(&indented, b, "", "  ") // b is JSON
		b = indented.Bytes()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that has gone misses nothing
}

// A place is what a path names: the jobs of a cluster, or one of them.
type place struct {
	project, cluster, job string
}

// locate reads a path of the API; false if it names nothing that is simulated.
func locate(u *url.URL) (place, bool) {
	rest, ok := strings.CutPrefix(u.EscapedPath(), root+"/groups/")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) < 4 || len(parts) > 5 || parts[1] != "clusters" || parts[3] != "restoreJobs" {
		return place{}, false
	}
	for i := range parts {
		name, err := url.PathUnescape(parts[i])
		if err != nil || name == "" {
			return place{}, false
		}
		parts[i] = name
	}
	p := place{project: parts[0], cluster: parts[2]}
	if len(parts) == 5 {
		p.job = parts[4]
	}
	return p, true
}

// answer serves an authenticated request as the API would.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, key string) {
	s.mu.Lock()
	body, q, wrong := s.lookUp(r, key)
	s.mu.Unlock()
	if wrong != nil {
		wrong.write(w)
		return
	}
	writeJSON(w, http.StatusOK, q.pretty, body)
}

// lookUp returns the body of the answer, or what is wrong with the request. The caller has the lock.
func (s *Server) lookUp(r *http.Request, key string) (body any, q query, wrong *problem) {
	if wrong := s.refuseCaller(r); wrong != nil {
		return nil, q, wrong
	}
	p, ok := locate(r.URL)
	if !ok {
		return nil, q, notFound("RESOURCE_NOT_FOUND", fmt.Sprintf("Cannot find resource %s.", r.URL.Path), r.URL.Path)
	}
	if r.Method != http.MethodGet {
		return nil, q, &problem{Status: http.StatusMethodNotAllowed, Code: "METHOD_NOT_ALLOWED", Allow: http.MethodGet,
			Detail: fmt.Sprintf("The method %s is not allowed here.", r.Method), Parameters: []any{r.Method}}
	}
	if wrong := s.limitRate(p.project); wrong != nil {
		return nil, q, wrong
	}
	jobs, wrong := s.jobs(p, key)
	if wrong != nil {
		return nil, q, wrong
	}
	if q, wrong = parseQuery(r.URL.Query()); wrong != nil {
		return nil, q, wrong
	}
	at := s.base(r) + p.path()
	if p.job == "" {
		return s.page(jobs, q, at), q, nil
	}
	body, wrong = s.one(jobs, p, q, at)
	return body, q, wrong
}

func (p place) path() string {
	return root + "/groups/" + url.PathEscape(p.project) + "/clusters/" + url.PathEscape(p.cluster) + "/restoreJobs"
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

// jobs returns the jobs of a cluster that key may see.
func (s *Server) jobs(p place, key string) ([]Job, *problem) {
	if may, limited := s.Access[key]; limited && !slices.Contains(may, p.project) {
		return nil, &problem{Status: http.StatusUnauthorized, Code: "NOT_IN_GROUP", Parameters: []any{p.project},
			Detail: fmt.Sprintf("The current user is not in the group, or the group does not exist: %s.", p.project)}
	}
	world := s.world()
	clusters, ok := world[p.project]
	if !ok {
		return nil, notFound("GROUP_NOT_FOUND", fmt.Sprintf("No group with ID %s exists.", p.project), p.project)
	}
	jobs, ok := clusters[p.cluster]
	if !ok {
		return nil, notFound("CLUSTER_NOT_FOUND",
			fmt.Sprintf("No cluster named %s exists in group %s.", p.cluster, p.project), p.cluster, p.project)
	}
	return jobs, nil
}

func notFound(code, detail string, parameters ...any) *problem {
	return &problem{Status: http.StatusNotFound, Code: code, Detail: detail, Parameters: parameters}
}

// A minute counts the requests of one project; the count begins anew with each minute of the clock.
type minute struct {
	begins time.Time
	count  int
}

func (s *Server) limitRate(project string) *problem {
	if !s.LimitRate {
		return nil
	}
	now := s.now()
	m := s.minutes[project]
	if begins := now.Truncate(time.Minute); !m.begins.Equal(begins) {
		m = minute{begins: begins}
	}
	m.count++
	if s.minutes == nil {
		s.minutes = map[string]minute{}
	}
	s.minutes[project] = m
	if m.count <= RateLimit {
		return nil
	}
	p := tooMany(root+"/groups/"+project, RetryIn(m.begins.Add(time.Minute).Sub(now)))
	return &p
}
