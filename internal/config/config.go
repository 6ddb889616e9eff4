package config

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"restorewatch/internal/restore"
)

// A Program is what the configuration is for: programs differ in what they need.
type Program int

// The programs. Whatever is set must be right for all of them.
const (
	// CommandLine needs targets and credentials, and keeps its state in a file unless told otherwise. Without a topic it
	// has the terminal.
	CommandLine Program = iota
	// Function is the watcher in Lambda. It needs a topic and a table too: a file there dies with its container.
	Function
	// Reader looks at what is remembered, or tries the outputs: it needs neither targets nor credentials.
	Reader
	// SlackFunction is the function in Lambda that posts to Slack. It needs a webhook, and reads nothing else but the
	// level of its log.
	SlackFunction
)

// A Config is the whole configuration, checked.
type Config struct {
	Targets           []restore.Target // each one once, in the order given
	BaseURL           string           // scheme and host, without a slash at the end
	PublicKey         string           // with PrivateKey; this pair, or the next, or CredentialsSecret
	PrivateKey        Secret
	ClientID          string // of a service account, with ClientSecret
	ClientSecret      Secret
	CredentialsSecret string // name or ARN
	CAFile            string // PEM file of a private certificate authority; "" for none
	LegacyAPI         string // v1 or v2: the path that serves the source legacy
	StateTable        string // either this or StateFile
	StateFile         string
	TopicARN          string          // "" for none
	ExpiryWarnings    []time.Duration // each one once, longest first
	StuckAfter        time.Duration   // 0 means never
	UnreachableAfter  int             // at least 1
	Slack             Slack
	ChatTopicARN      string // "" for none
	EventBus          string // name or ARN; "" for none
	Webhook           Webhook
	LogLevel          slog.Level
}

// Slack says where in Slack the events go.
type Slack struct {
	URL         Secret // either this, or WebhookID, or neither
	WebhookID   string // name or ARN of the secret that holds the URL
	MinSeverity restore.Severity
}

// Configured reports whether Slack gets events.
func (s Slack) Configured() bool { return !s.URL.Empty() || s.WebhookID != "" }

// A Webhook is an address of somebody's own.
type Webhook struct {
	URL    Secret // empty for none; its path or query may hold a token
	Secret Secret // signs; not empty if URL is not
}

// Configured reports whether the webhook gets events.
func (w Webhook) Configured() bool { return !w.URL.Empty() }

// Load reads the configuration of a program from getenv, which is os.Getenv or has flags in front of it. White space
// around a value is dropped, and a variable that is blank counts as unset. The error is an *Error.
func Load(getenv func(string) string, program Program) (Config, error) {
	r := &reader{getenv: getenv, program: program}
	c := Config{LogLevel: r.logLevel(), Slack: r.slack()}
	if program != SlackFunction {
		r.watcher(&c)
	}
	if err := r.err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// watcher reads what every program but the Slack function has.
func (r *reader) watcher(c *Config) {
	c.Targets = r.targets()
	c.BaseURL = r.baseURL()
	c.ExpiryWarnings = r.expiryWarnings()
	c.StuckAfter = r.stuckAfter()
	c.UnreachableAfter = r.unreachableAfter()
	r.credentials(c)
	r.state(c)
	r.topics(c)
	c.EventBus = r.eventBus()
	c.Webhook = r.webhook()
	c.CAFile = r.get(EnvCAFile)
	c.LegacyAPI = r.legacyAPI()
}

// A reader reads variables and gathers what is wrong with them.
type reader struct {
	getenv   func(string) string
	program  Program
	problems []Problem
}

func (r *reader) problem(name, format string, args ...any) {
	r.problems = append(r.problems, Problem{name, fmt.Sprintf(format, args...)})
}

// get returns a value as it is set, or "".
func (r *reader) get(name string) string { return strings.TrimSpace(r.getenv(name)) }

// secret returns a value that is not to be shown, or an empty Secret.
func (r *reader) secret(name string) Secret {
	if value := r.get(name); value != "" {
		return NewSecret(value)
	}
	return Secret{}
}

// or returns a value, or its default.
func (r *reader) or(name string) string {
	if value := r.get(name); value != "" {
		return value
	}
	return defaultOf(name)
}

// err returns the problems in the order of Variables, so that two runs tell the same tale.
func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return &Error{Problems: sorted(r.problems)}
}

func (r *reader) stuckAfter() time.Duration {
	value := r.or(EnvStuckAfter)
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		r.problem(EnvStuckAfter, "%s is no age; want a Go duration such as 24h or 90m, or 0 for never", quote(value))
		return 0
	}
	return d
}

func (r *reader) unreachableAfter() int {
	value := r.or(EnvUnreachableAfter)
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		r.problem(EnvUnreachableAfter, "%s is no count; want a whole number from 1", quote(value))
	}
	return n
}

func (r *reader) logLevel() slog.Level {
	value := r.or(EnvLogLevel)
	switch strings.ToLower(value) {
	case "debug":
		return slog.LevelDebug
	case "info":
		return slog.LevelInfo
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	r.problem(EnvLogLevel, "%s is no level; want debug, info, warn or error", quote(value))
	return slog.LevelInfo
}

func (r *reader) legacyAPI() string {
	value := r.or(EnvLegacyAPI)
	if value != "v1" && value != "v2" {
		r.problem(EnvLegacyAPI, "%s is no version; want v1 or v2", quote(value))
	}
	return value
}
