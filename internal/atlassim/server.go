package atlassim

import (
	"cmp"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// What a Server does unless told otherwise.
const (
	DefaultPublicKey  = "simkey"
	DefaultPrivateKey = "5f1c8c2e-0000-4000-8000-000000000000"
	DefaultRealm      = "MMS Public API"      // Atlas's own
	DefaultNonceLife  = time.Minute           // as in Ops Manager
	DefaultSecret     = "CANARY-download-key" // recognisable wherever it may leak to
	// The default service account, and how long its tokens live.
	DefaultClientID     = "mdb_sa_id_0123456789abcdef01234567"
	DefaultClientSecret = "mdb_sa_sk_CANARY-client-secret" //nolint:gosec // opens the simulator and nothing else
	DefaultTokenLife    = time.Hour
)

// A Server is the simulated API. Its zero value is ready for use: it knows the default key and no project. The exported
// fields are knobs; set them before the first request, or within Configure.
type Server struct {
	// Keys maps public to private API keys; nil stands for the default key alone.
	Keys map[string]string
	// Clients maps ids to secrets of service accounts; nil stands for the default one alone.
	Clients map[string]string
	// TokenLife is how long a token is taken after it was issued; 0 stands for DefaultTokenLife.
	TokenLife time.Duration
	// Access lists the projects that a public key or client id may see; one that is not in the map may see all.
	Access map[string][]string
	// ReadOnly names the public keys and client ids that have no more than the role Project Read Only, which may not list
	// Cloud Backup restores.
	ReadOnly []string
	// AccessList holds the addresses that may call; empty lets everybody in.
	AccessList []netip.Prefix
	// Caller is the address that the server takes the caller for; the zero value is the peer of the connection.
	Caller netip.Addr
	// Realm of the digest challenge; "" stands for DefaultRealm.
	Realm string
	// NonceLife is how long a nonce is taken after it was issued; 0 stands for DefaultNonceLife.
	NonceLife time.Duration
	// NonceUses is how many requests one nonce is good for; 0 sets no limit.
	NonceUses int
	// LimitRate enforces the limits of each API: RateLimit in a minute of the clock, or in v2 a bucket that it tells of in
	// headers; and 50 tokens a minute.
	LimitRate bool
	// CloudBackups is v2's bucket for listings of restore jobs, of each project; zero stands for DefaultCloudBackups.
	CloudBackups Bucket
	// GoneVersions are dates of versions that v2 has removed, or VersionV1: 410.
	GoneVersions []string
	// Deprecated gives the answers of an API the headers Deprecation and Sunset. Without an entry only the old versions of
	// the cluster list have them.
	Deprecated map[API]Deprecation
	// DeliveryURLs is how Cloud Backup writes the field deliveryUrl.
	DeliveryURLs URLForm
	// ExpiryOfRestores gives every automated Cloud Backup restore an expiresAt too, as the documents of 2023 do.
	ExpiryOfRestores bool
	// DeadLinks keeps the download links of Cloud Backup and Flex listed after they have died; what becomes of them is not
	// documented but for the components of a sharded cluster, whose links become null.
	DeadLinks bool
	// Faults may answer any request, challenges included, before the server looks at it; nil, or a nil Fault, leaves it
	// alone. It must be safe for concurrent use. See FailNext for faults that strike authenticated requests only.
	Faults func(*http.Request) Fault
	// Order arranges a listing in place; nil sorts newest first, which is what the API does but does not promise. It must
	// not call the server.
	Order func([]Job)
	// Secret goes into every download link and key that the server makes up; "" stands for DefaultSecret.
	Secret string
	// BaseURL begins the links; "" stands for the scheme and host that the request was sent to.
	BaseURL string
	// Now is the server's clock: nonces, rate limit and request log go by it. nil stands for time.Now.
	Now func() time.Time

	mu       sync.Mutex
	nonces   nonces
	script   []*scripted
	set      world
	deleted  map[[2]string]bool // by project and cluster: whether the backups are retained
	play     *playback
	minutes  map[string]minute
	levels   map[string]*level
	tokens   map[string]token
	requests []*Request
}

// A Request is one line of the server's log. Status is 0 if the connection was closed without an answer. API and Project
// are "" where the path names none.
type Request struct {
	Method, Path, Query string
	API                 API
	Project             string
	Status              int
	At                  time.Time
}

// Configure changes knobs while the server is in use.
func (s *Server) Configure(change func(*Server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// Requests returns the log of all requests that came in so far, oldest first. Whoever has seen an answer finds its
// status here.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Request, len(s.requests))
	for i, r := range s.requests {
		all[i] = *r
	}
	return all
}

// Count returns how many requests were answered with status.
func (s *Server) Count(status int) int {
	return s.count(func(r Request) bool { return r.Status == status })
}

// CountIn returns how many requests were about a project, challenges included.
func (s *Server) CountIn(project string) int {
	return s.count(func(r Request) bool { return r.Project == project })
}

// TokenRequests returns how many times somebody asked for a token, whatever the answer.
func (s *Server) TokenRequests() int {
	return s.count(func(r Request) bool { return r.Path == tokenPath })
}

func (s *Server) count(match func(Request) bool) int {
	n := 0
	for _, r := range s.Requests() {
		if match(r) {
			n++
		}
	}
	return n
}

// ResetRequests empties the log.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// ServeHTTP answers one request and logs it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	line := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, At: s.now()}
	line.API, line.Project = whereabouts(r)
	s.requests = append(s.requests, line)
	faults := s.Faults
	s.mu.Unlock()
	noted := &logged{ResponseWriter: w, note: func(status int) { s.note(line, status) }}
	if faults != nil {
		if f := faults(r); f != nil {
			f(noted, r, s.admit)
			return
		}
	}
	s.admit(noted, r)
}

// admit checks the credentials and leaves the request to a scripted fault or to the API.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) {
	key, fault, denied := s.enter(r)
	answer := func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, key) }
	if isOAuth(r) {
		answer = s.oauth
	}
	switch {
	case denied != nil:
		denied.write(w)
	case fault != nil:
		fault(w, r, answer)
	default:
		answer(w, r)
	}
}

func (s *Server) enter(r *http.Request) (key string, fault Fault, denied *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isOAuth(r) {
		return "", s.nextFault(r), nil
	}
	key, v := s.authenticate(r)
	switch v {
	case granted:
		return key, s.nextFault(r), nil
	case spent:
		return "", nil, &problem{Status: http.StatusUnauthorized, Code: "UNEXPECTED_ERROR",
			Detail: "You are not authorized for this resource.", Challenge: badToken}
	case strayed:
		return "", nil, &problem{Status: http.StatusBadRequest, Code: "UNEXPECTED_ERROR",
			Detail: "The digest was made for another request."}
	}
	return "", nil, &problem{Status: http.StatusUnauthorized, Code: "UNEXPECTED_ERROR",
		Detail: "You are not authorized for this resource.", Challenge: s.challenge(v == stale)}
}

func (s *Server) note(line *Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line.Status = cmp.Or(line.Status, status)
}

// A logged response notes its status in the log before the client can see it.
type logged struct {
	http.ResponseWriter
	note func(status int)
}

func (w *logged) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *logged) WriteHeader(status int) {
	w.note(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *logged) Write(b []byte) (int, error) {
	w.note(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

func (s *Server) keys() map[string]string {
	if s.Keys == nil {
		return map[string]string{DefaultPublicKey: DefaultPrivateKey}
	}
	return s.Keys
}

func (s *Server) clients() map[string]string {
	if s.Clients == nil {
		return map[string]string{DefaultClientID: DefaultClientSecret}
	}
	return s.Clients
}

func (s *Server) realm() string { return cmp.Or(s.Realm, DefaultRealm) }

func (s *Server) secret() string { return cmp.Or(s.Secret, DefaultSecret) }

func (s *Server) tokenLife() time.Duration { return cmp.Or(s.TokenLife, DefaultTokenLife) }

func (s *Server) nonceLife() time.Duration { return cmp.Or(s.NonceLife, DefaultNonceLife) }

func (s *Server) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}
