package relay

import (
	"log/slog"
	"regexp"
	"strconv"
	"strings"

	"restorewatch/internal/config"
	"restorewatch/internal/publish/slack"
	"restorewatch/internal/restore"
)

// The names of the environment variables.
const (
	EnvWebhookURL    = "SLACK_WEBHOOK_URL"
	EnvWebhookSecret = "SLACK_WEBHOOK_SECRET"
	EnvMinSeverity   = "SLACK_MIN_SEVERITY"
	EnvLogLevel      = "LOG_LEVEL"
)

// A Config is the configuration of the function, checked.
type Config struct {
	WebhookURL    config.Secret // either this or WebhookSecret
	WebhookSecret string        // name or ARN
	MinSeverity   restore.Severity
	LogLevel      slog.Level
}

// secretID is what Secrets Manager takes, from the API reference of GetSecretValue.
var secretID = regexp.MustCompile(`^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]+:secret:)?[A-Za-z0-9/_+=.@!-]+$`)

const maxSecret = 2048 // bytes

// Load reads the configuration from getenv, which is os.Getenv. White space around a value is dropped, and a variable
// that is blank counts as unset. The error is a *config.Error with all problems; no problem repeats a secret.
func Load(getenv func(string) string) (Config, error) {
	get := func(name string) string { return strings.TrimSpace(getenv(name)) }
	c := Config{WebhookURL: config.NewSecret(get(EnvWebhookURL)), WebhookSecret: get(EnvWebhookSecret)}
	problems := c.webhookProblems()
	var problem string
	if c.MinSeverity, problem = severity(get(EnvMinSeverity)); problem != "" {
		problems = append(problems, config.Problem{Variable: EnvMinSeverity, Text: problem})
	}
	if c.LogLevel, problem = level(get(EnvLogLevel)); problem != "" {
		problems = append(problems, config.Problem{Variable: EnvLogLevel, Text: problem})
	}
	if len(problems) > 0 {
		return Config{}, &config.Error{Problems: problems}
	}
	return c, nil
}

// webhookProblems wants exactly one of the address and the secret that holds it.
func (c Config) webhookProblems() []config.Problem {
	switch {
	case !c.WebhookURL.Empty() && c.WebhookSecret != "":
		return []config.Problem{{Variable: EnvWebhookURL, Text: EnvWebhookSecret + " is set too; unset one"}}
	case !c.WebhookURL.Empty():
		if why := slack.CheckURL(c.WebhookURL); why != "" {
			return []config.Problem{{Variable: EnvWebhookURL, Text: why}}
		}
	case c.WebhookSecret == "":
		return []config.Problem{{Variable: EnvWebhookSecret, Text: "no webhook; set it to the name or ARN of the secret that " +
			"holds its URL, or set " + EnvWebhookURL}}
	case !secretID.MatchString(c.WebhookSecret) || len(c.WebhookSecret) > maxSecret:
		return []config.Problem{{Variable: EnvWebhookSecret, Text: "it is no name or ARN of a secret; " +
			"put the URL into Secrets Manager and write the secret's name here"}}
	}
	return nil
}

func severity(value string) (least restore.Severity, problem string) {
	switch s := restore.Severity(strings.ToLower(value)); s {
	case "":
		return restore.Info, ""
	case restore.Info, restore.Warning, restore.Critical:
		return s, ""
	}
	return "", quote(value) + " is no severity; want info, warning or critical"
}

func level(value string) (slog.Level, string) {
	switch strings.ToLower(value) {
	case "debug":
		return slog.LevelDebug, ""
	case "info", "":
		return slog.LevelInfo, ""
	case "warn":
		return slog.LevelWarn, ""
	case "error":
		return slog.LevelError, ""
	}
	return slog.LevelInfo, quote(value) + " is no level; want debug, info, warn or error"
}

func quote(s string) string { return strconv.Quote(strings.ToValidUTF8(s[:min(len(s), 40)], "")) }
