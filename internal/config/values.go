package config

import (
	"cmp"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"restorewatch/internal/restore"
)

// The names that DynamoDB and Secrets Manager take, from their API references. Lengths are checked apart: a
// counted repetition is costly to compile in a cold start.
var (
	tableName = regexp.MustCompile(`^(arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]+:table/)?[A-Za-z0-9_.-]+$`)
	secretID  = regexp.MustCompile(`^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]+:secret:)?[A-Za-z0-9/_+=.@!-]+$`)
)

// The longest that each may be, in bytes.
const (
	maxTable  = 1024
	maxSecret = 2048
)

func (r *reader) targets() []restore.Target {
	fields := strings.FieldsFunc(r.get(EnvWatch), separator)
	if len(fields) == 0 && r.program != Reader {
		r.problem(EnvWatch, "no target; want one or more of SOURCE:PROJECT_ID/CLUSTER, separated by commas or white space")
	}
	var targets []restore.Target
	for _, field := range fields {
		t, ok := r.target(field)
		switch {
		case !ok:
		case slices.Contains(targets, t):
			r.problem(EnvWatch, "target %s stands there twice; remove one", quote(field))
		default:
			targets = append(targets, t)
		}
	}
	return targets
}

func (r *reader) target(field string) (restore.Target, bool) {
	if len(field) > maxQuoted {
		r.problem(EnvWatch, "%s is too long for a target; want SOURCE:PROJECT_ID/CLUSTER", quote(field))
		return restore.Target{}, false
	}
	t, err := restore.ParseTarget(field)
	switch {
	case err != nil:
		r.problem(EnvWatch, "%s", err)
	case t.Project == "*" && t.Cluster != "*":
		r.problem(EnvWatch, "target %q: a cluster belongs to one project; name it, or want */*", field)
	default:
		return t, true
	}
	return t, false
}

func separator(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// baseURL never quotes the value: somebody may have written a password into it.
func (r *reader) baseURL() string {
	u, err := url.Parse(r.or(EnvBaseURL))
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		r.problem(EnvBaseURL, "it is no URL of a host; want a scheme and a host, such as https://cloud.mongodb.com")
	case u.User != nil:
		r.problem(EnvBaseURL, "it has a user name in it; want a scheme and a host, the key goes into %s", EnvCredentialsSecret)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		r.problem(EnvBaseURL, "it has something after its host; want a scheme and a host, such as %s", quote("https://"+u.Host))
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u.Scheme + "://" + u.Host
	default:
		r.problem(EnvBaseURL, "%s is not safe for a key; want https, or http on loopback", quote(u.Scheme))
	}
	return ""
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// credentials wants exactly one of a key, a service account and a secret that holds either.
func (r *reader) credentials(c *Config) {
	if r.program == Reader {
		return
	}
	c.PublicKey, c.PrivateKey = r.get(EnvPublicKey), r.secret(EnvPrivateKey)
	c.ClientID, c.ClientSecret = r.get(EnvClientID), r.secret(EnvClientSecret)
	c.CredentialsSecret = r.get(EnvCredentialsSecret)
	key := c.PublicKey != "" || !c.PrivateKey.Empty()
	account := c.ClientID != "" || !c.ClientSecret.Empty()
	switch {
	case c.CredentialsSecret != "" && (key || account):
		r.problem(EnvCredentialsSecret, "the credentials are given by variables of their own as well; unset one way")
	case key && account:
		r.problem(EnvClientID, "%s or %s is set as well; use a key or a service account, not both", EnvPublicKey, EnvPrivateKey)
	case c.CredentialsSecret != "":
		r.secretID(EnvCredentialsSecret, c.CredentialsSecret, "key")
	case key:
		r.pair(EnvPublicKey, EnvPrivateKey, c.PublicKey, c.PrivateKey)
	case account:
		r.pair(EnvClientID, EnvClientSecret, c.ClientID, c.ClientSecret)
	default:
		r.problem(EnvCredentialsSecret, "no credentials; set it, or both of %s and %s, or both of %s and %s",
			EnvPublicKey, EnvPrivateKey, EnvClientID, EnvClientSecret)
	}
}

// pair checks both halves of a credential, and never quotes one.
func (r *reader) pair(publicName, privateName, public string, private Secret) {
	for name, value := range map[string]string{publicName: public, privateName: private.Reveal()} {
		switch {
		case value == "":
			r.problem(name, "the other half is set and this is not; set both of %s and %s", publicName, privateName)
		case strings.ContainsFunc(value, unwritten):
			r.problem(name, "it has a blank or a character outside ASCII in it, which none has; copy it once more")
		}
	}
}

// secretID never quotes the value: people paste the secret itself.
func (r *reader) secretID(name, id, what string) {
	if !secretID.MatchString(id) || len(id) > maxSecret {
		r.problem(name, "it is no name or ARN of a secret; put the %s into Secrets Manager and write the secret's name here", what)
	}
}

// unwritten reports whether no key and no address is written with c.
func unwritten(c rune) bool { return c <= ' ' || c > '~' }

// state wants one place, and for the function a table.
func (r *reader) state(c *Config) {
	c.StateTable, c.StateFile = r.get(EnvStateTable), r.get(EnvStateFile)
	switch {
	case c.StateTable != "" && c.StateFile != "":
		r.problem(EnvStateTable, "%s is set too, and the state has one place; unset one", EnvStateFile)
	case r.program == Function && c.StateFile != "":
		r.problem(EnvStateFile, "a file does not outlive its container; unset it and set %s", EnvStateTable)
	case r.program == Function && c.StateTable == "":
		r.problem(EnvStateTable, "it is not set; want the name of a DynamoDB table")
	case c.StateTable == "" && c.StateFile == "":
		c.StateFile = DefaultStateFile
	case c.StateTable != "" && !isTable(c.StateTable):
		r.problem(EnvStateTable, "%s is no name of a DynamoDB table; want 3 to 255 letters, digits, _ . -", quote(c.StateTable))
	case strings.ContainsRune(c.StateFile, 0):
		r.problem(EnvStateFile, "it has a NUL in it; want the name of a file")
	}
}

func isTable(name string) bool {
	return len(name) >= 3 && len(name) <= maxTable && tableName.MatchString(name)
}

func (r *reader) expiryWarnings() []time.Duration {
	fields := strings.FieldsFunc(r.or(EnvExpiryWarnings), separator)
	if len(fields) == 0 {
		r.problem(EnvExpiryWarnings, "no time left is in it; want Go durations over 0 such as 24h,90m")
	}
	var warnings []time.Duration
	for _, field := range fields {
		d, err := time.ParseDuration(field)
		if err != nil || d <= 0 {
			r.problem(EnvExpiryWarnings, "%s is no time left; want Go durations over 0 such as 24h,90m, days as hours", quote(field))
			continue
		}
		warnings = append(warnings, d)
	}
	slices.SortFunc(warnings, func(a, b time.Duration) int { return cmp.Compare(b, a) })
	return slices.Compact(warnings)
}

// maxQuoted bounds how much of a value a problem repeats, in bytes: a source, a project id and a cluster name fit.
const maxQuoted = 220

func quote(s string) string { return strconv.Quote(bounded(s)) }

func bounded(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return strings.ToValidUTF8(s[:maxQuoted], "") + "…"
}

// sorted orders problems by their variable's place in variables; those of one variable keep their order.
func sorted(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(place(a.Variable), place(b.Variable)) })
	return problems
}

func place(name string) int {
	if i := slices.IndexFunc(variables, func(v Variable) bool { return v.Name == name }); i >= 0 {
		return i
	}
	return len(variables)
}
