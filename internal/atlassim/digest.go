package atlassim

import (
	"crypto/md5" //nolint:gosec // what the API offers, and so what the simulator of it has to
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A verdict is what the server thinks of a request's credentials.
type verdict int

const (
	refused verdict = iota // none, malformed, or not of a known key
	stale                  // of a known key, but the nonce is no longer taken: a new one will do
	strayed                // made for another request than this one (RFC 7616 section 3.4.6)
	spent                  // a bearer token that is not taken: unknown, expired or revoked
	granted
)

// countWindow is how far behind the highest count of a nonce a request may come in. Requests sent at once overtake
// each other; a count further behind is taken for a replay.
const countWindow = 64

// nonces are the challenges given out. Its zero value is ready for use; the caller has the lock.
type nonces struct {
	given map[string]*nonce
}

type nonce struct {
	issued  time.Time
	used    map[uint64]bool // counts seen within the window
	highest uint64
}

func (n *nonces) issue(now time.Time, life time.Duration) string {
	maps.DeleteFunc(n.given, func(_ string, old *nonce) bool { return now.Sub(old.issued) > life })
	if n.given == nil {
		n.given = map[string]*nonce{}
	}
	id := rand.Text()
	n.given[id] = &nonce{issued: now, used: map[uint64]bool{}}
	return id
}

// spend uses up one count of a nonce. A count seen before is refused without stale, as Jetty does, whose challenge
// Atlas sends: a client that counts wrong shall see its mistake.
func (n *nonces) spend(id string, count uint64, now time.Time, life time.Duration, uses int) verdict {
	given, ok := n.given[id]
	switch {
	case !ok || now.Sub(given.issued) > life:
		return stale
	case uses > 0 && count > uint64(uses):
		return stale
	case count == 0 || given.used[count] || count+countWindow <= given.highest:
		return refused
	}
	given.used[count] = true
	given.highest = max(given.highest, count)
	maps.DeleteFunc(given.used, func(c uint64, _ bool) bool { return c+countWindow <= given.highest })
	return granted
}

// authenticate checks the credentials of r and returns the public key or client id that they are of. The caller has the
// lock.
func (s *Server) authenticate(r *http.Request) (key string, v verdict) {
	if scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return s.bearer(shown)
	}
	p, ok := digestParams(r.Header.Get("Authorization"))
	if !ok {
		return "", refused
	}
	count, err := strconv.ParseUint(p["nc"], 16, 32)
	if err != nil || len(p["nc"]) != 8 || p["cnonce"] == "" || p["qop"] != "auth" || !isMD5(p["algorithm"]) {
		return "", refused
	}
	key = p["username"]
	password, known := s.keys()[key]
	want := digestResponse(p, s.realm(), password, r.Method)
	same := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(p["response"]))) == 1
	if !known || !same || p["realm"] != s.realm() {
		return "", refused
	}
	if p["uri"] != requestURI(r) {
		return "", strayed
	}
	return key, s.nonces.spend(p["nonce"], count, s.now(), s.nonceLife(), s.NonceUses)
}

func isMD5(algorithm string) bool { return algorithm == "" || strings.EqualFold(algorithm, "MD5") }

func requestURI(r *http.Request) string {
	if r.RequestURI != "" {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// challenge is the header of a 401, in the very form that Atlas sends. The caller has the lock.
func (s *Server) challenge(isStale bool) string {
	return fmt.Sprintf(`Digest realm="%s", domain="", nonce="%s", algorithm=MD5, qop="auth", stale=%t`,
		s.realm(), s.nonces.issue(s.now(), s.nonceLife()), isStale)
}

// digestResponse computes the response of RFC 7616 section 3.4.1 for MD5 and qop=auth.
func digestResponse(p map[string]string, realm, password, method string) string {
	ha1 := md5Hex(p["username"], realm, password)
	ha2 := md5Hex(method, p["uri"])
	return md5Hex(ha1, p["nonce"], p["nc"], p["cnonce"], p["qop"], ha2)
}

func md5Hex(parts ...string) string {
	sum := md5.Sum([]byte(strings.Join(parts, ":"))) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// digestParams reads the parameters of a Digest Authorization header. It reports false for another scheme, for a
// syntax error and for a parameter given twice.
func digestParams(header string) (map[string]string, bool) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Digest") {
		return nil, false
	}
	params := map[string]string{}
	for rest = strings.Trim(rest, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		name, after, ok := strings.Cut(rest, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := params[name]; !ok || name == "" || twice {
			return nil, false
		}
		params[name], rest, ok = digestValue(strings.TrimLeft(after, " \t"))
		if !ok {
			return nil, false
		}
	}
	return params, true
}

// digestValue takes a token or a quoted string from the front of s; only a comma may follow it.
func digestValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ",")
		value = strings.TrimSpace(value)
		return value, rest, !strings.ContainsAny(value, " \t\"=")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			rest = strings.TrimLeft(s[i+1:], " \t")
			return b.String(), rest, rest == "" || rest[0] == ','
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
