package publish_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
)

func TestTextsForPeople(t *testing.T) {
	for _, e := range slices.Concat(publishtest.Events(), publishtest.Hostile()) {
		t.Run(string(e.Type), func(t *testing.T) {
			checkPeople(t, renderer, e)
			checkPeople(t, test, e)
			if s := renderer.Summary(e); strings.HasSuffix(s, ".") {
				t.Errorf("summary %q ends in a full stop", s)
			}
		})
	}
}

// checkPeople checks what every hop asks of a subject, a short message and a mail.
func checkPeople(t *testing.T, renderer publish.Renderer, e restore.Event) {
	t.Helper()
	subject, sms, mail := renderer.Subject(e), renderer.SMS(e), renderer.Email(e)
	if !strings.HasPrefix(subject, "[restorewatch] ") || len(subject) >= 100 || !printableASCII(subject) {
		t.Errorf("subject %q", subject)
	}
	if len(sms) == 0 || len(sms) > 140 || !printableASCII(sms) {
		t.Errorf("sms of %d characters: %q", len(sms), sms)
	}
	if !utf8.ValidString(mail) || len(mail) > 40_000 {
		t.Errorf("mail of %d bytes, valid UTF-8: %v", len(mail), utf8.ValidString(mail))
	}
	if i := strings.IndexFunc(mail, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("mail has %+q", mail[i:min(i+10, len(mail))])
	}
	if s := renderer.Summary(e); s == "" || utf8.RuneCountInString(s) > 240 {
		t.Errorf("summary %q", s)
	}
	checkAttributes(t, renderer.Attributes(e))
}

func checkAttributes(t *testing.T, attributes []publish.Attribute) {
	t.Helper()
	if len(attributes) > 10 {
		t.Errorf("%d attributes", len(attributes))
	}
	for _, a := range attributes {
		if a.Value == "" || len(a.Value) > 256 || !utf8.ValidString(a.Value) || strings.ContainsFunc(a.Value, unicode.IsControl) {
			t.Errorf("attribute %s is %q", a.Name, a.Value)
		}
	}
}

func printableASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func TestAttributes(t *testing.T) {
	for _, tt := range []struct {
		event restore.Event
		want  string
	}{
		{publishtest.Finished(), "type=restorewatch.job.status_changed severity=info status=FINISHED deliveryStatus=READY source=legacy " +
			"projectId=6b77777887d9d61443b41645 clusterName=Cluster0 batchId=5a66783b80eef5354c77ee13 repeat=false"},
		{publishtest.BatchFinished(), "type=restorewatch.batch.finished severity=info source=legacy " +
			"projectId=6b77777887d9d61443b41645 clusterName=Cluster0 batchId=5a66783b80eef5354c77ee13"},
		{publishtest.Unreachable(), "type=restorewatch.target.unreachable severity=critical source=legacy " +
			"projectId=6b77777887d9d61443b41645 clusterName=Cluster0"},
	} {
		var got []string
		for _, a := range publish.Attributes(tt.event) {
			got = append(got, a.Name+"="+a.Value)
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("got:  %s\nwant: %s", got, tt.want)
		}
	}
}

func TestSubjectKeepsWhatHappened(t *testing.T) {
	e := publishtest.StatusChanged(publishtest.Config, 3, restore.Change{To: "BROKEN"}, restore.DeliveryFailed)
	for name, want := range map[string]string{
		"Zürich-Ost":              "[restorewatch] CRITICAL: Restore of Zurich-Ost failed (BROKEN)",
		"東京":                      "[restorewatch] CRITICAL: Restore of ?? failed (BROKEN)",
		"a\r\nBcc: x":             "[restorewatch] CRITICAL: Restore of a  Bcc: x failed (BROKEN)",
		strings.Repeat("é", 9999): "[restorewatch] CRITICAL: Restore of " + strings.Repeat("e", 37) + "... failed (BROKEN)",
	} {
		job := *e.Job
		job.ClusterName = name
		e.Job = &job
		if got := renderer.Subject(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What a mail must tell, by the words of the two statuses.
func TestStepsByStatus(t *testing.T) {
	download := restore.Delivery{Method: "HTTP", Expires: time.Date(2018, 1, 24, 23, 49, 38, 0, time.UTC), MaxDownloads: 1}
	automated := restore.Delivery{Method: "HTTP", TargetCluster: "staging"}
	for _, tt := range []struct {
		to       restore.Status
		status   restore.DeliveryStatus
		delivery restore.Delivery
		want     string
	}{
		{restore.Finished, restore.DeliveryReady, download, "before 2018-01-24 23:49:38 UTC (in 2 days)"},
		{restore.Finished, restore.DeliveryInProgress, download, "when the data is ready"},
		{restore.Finished, restore.DeliveryExpired, download, "nobody has downloaded"},
		{restore.Finished, restore.DeliveryMaxDownloadsExceeded, download, "as often as it may"},
		{restore.Finished, restore.DeliveryFailed, download, "not handed over"},
		{restore.Finished, "", automated, "in cluster staging"},
		{restore.Finished, "", restore.Delivery{Method: "QUERY"}, "backup page"},
		{restore.Broken, "", download, "look for one on the backup page"},
		{restore.Killed, "", download, "activity feed"},
		{restore.InProgress, "", download, "will be told"},
		{"MELTED", "", download, "does not know this word"},
	} {
		e := publishtest.StatusChanged(publishtest.Config, 3, restore.Change{To: string(tt.to)}, tt.status)
		job := *e.Job
		job.Delivery = tt.delivery
		job.Delivery.Status = tt.status
		e.Job = &job
		if steps := strings.Join(publish.Steps(e), "\n"); !strings.Contains(steps, tt.want) {
			t.Errorf("%s with delivery %q: want %q in:\n%s", tt.to, tt.status, tt.want, steps)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                              "0 seconds",
		-time.Hour:                     "0 seconds",
		time.Second:                    "1 second",
		59*time.Minute + 1*time.Second: "59 minutes 1 second",
		time.Hour:                      "1 hour",
		25*time.Hour + 59*time.Minute:  "1 day 1 hour",
		48*time.Hour + 30*time.Minute:  "2 days",
	} {
		if got := publish.Span(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"Cluster0":         "Cluster0",
		"a\x1b[31mb":       "a<U+001B>[31mb",
		"a\u202eb":         "a<U+202E>b",
		"a\n\tb":           "a  b",
		"\xff":             "�",
		"0123456789abcdef": "012345678…",
		"012345678\x1b":    "012345678…",
	} {
		if got := publish.Line(in, 10+len("<U+001B>")*strings.Count(in, "[")+len("<U+202E>")*strings.Count(in, "\u202e")); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestConsoleURL(t *testing.T) {
	for source, want := range map[restore.Source]string{
		restore.Legacy:  "https://cloud.mongodb.com/v2/p#/clusters/backup/c",
		restore.Cloud:   "https://cloud.mongodb.com/v2/p#/clusters/backup/c",
		restore.Flex:    "https://cloud.mongodb.com/v2/p#/clusters",
		restore.Manager: "https://cloud.mongodb.com/v2/p",
	} {
		e := restore.Event{Target: restore.Target{Source: source, Project: "p", Cluster: "c"}}
		if got := renderer.ConsoleURL(e); got != want {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}

func TestSummaryOfManyClusters(t *testing.T) {
	for cluster, want := range map[restore.Target]string{
		{Source: restore.Cloud, Project: "p", Cluster: "*"}: "The clusters of project p cannot be watched: our address is not on the API access list",
		{Source: restore.Cloud, Project: "*", Cluster: "*"}: "The projects of this key cannot be watched: our address is not on the API access list",
	} {
		e := restore.Event{Type: restore.TargetUnreachable, Target: cluster, Failure: &restore.Failure{Kind: restore.FailedAccessList}}
		if got := publish.Summary(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
