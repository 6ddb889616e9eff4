package atlassim_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/atlassim"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func parse(t *testing.T, text string) *atlassim.Scenario {
	t.Helper()
	s, err := atlassim.ParseScenario(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const small = `
project 0123456789abcdef01234567
cluster Cluster0   # sharded
job config  batch=b hours=30 max=3
job shard-0 batch=b encrypted pit
at 1h shard-0,config created
at 4h config status=FINISHED delivery=READY
at 5h shard-0 status="PONDERING" delivery=PENDING
at 6h config expires=1d1h downloaded
at 2d config delivery=EXPIRED
cluster Empty
cluster Replica
job copy target=Empty
at -1d30m copy created
at -1d copy status=FINISHED delivery=READY
`

// at is the jobs of a cluster by the word in their file's name.
func at(s *atlassim.Scenario, cluster string, elapsed time.Duration) map[string]atlassim.Job {
	found := map[string]atlassim.Job{}
	for _, c := range s.At(start, elapsed) {
		for _, j := range c.Jobs {
			if c.Name == cluster {
				name, _, _ := strings.Cut(strings.TrimPrefix(j.File, cluster+"-"), fmt.Sprintf("-%d-", j.Timestamp.Date.Unix()))
				found[name] = j
			}
		}
	}
	return found
}

func TestScenarioTellsTheTimeline(t *testing.T) {
	s := parse(t, small)
	tests := []struct {
		elapsed          time.Duration
		status, delivery string
		expires          time.Duration
		hashes           int
	}{
		{time.Hour - 1, "", "", 0, 0},
		{time.Hour, "IN_PROGRESS", "NOT_STARTED", 0, 0},
		{4*time.Hour - 1, "IN_PROGRESS", "NOT_STARTED", 0, 0},
		{4 * time.Hour, "FINISHED", "READY", 34 * time.Hour, 0},
		{6 * time.Hour, "FINISHED", "READY", 31 * time.Hour, 1},
		{100 * time.Hour, "FINISHED", "EXPIRED", 31 * time.Hour, 1},
	}
	for _, tt := range tests {
		j := at(s, "Cluster0", tt.elapsed)["config"]
		want := start.Add(tt.expires)
		if tt.expires == 0 {
			want = time.Time{}
		}
		if j.StatusName != tt.status || j.Delivery.StatusName != tt.delivery || !j.Delivery.Expires.Equal(want) || len(j.Hashes) != tt.hashes {
			t.Errorf("after %s: %s, %s until %s, %d hashes", tt.elapsed, j.StatusName, j.Delivery.StatusName, j.Delivery.Expires, len(j.Hashes))
		}
	}
	if got := s.Length(); got != 48*time.Hour {
		t.Errorf("length %s", got)
	}
}

func TestScenarioMakesJobsLikeTheAPI(t *testing.T) {
	s := parse(t, small)
	both := at(s, "Cluster0", 7*time.Hour)
	config, shard := both["config"], both["shard-0"]
	if config.BatchID == "" || config.BatchID != shard.BatchID || config.ClusterID == shard.ClusterID || config.SnapshotID == shard.SnapshotID {
		t.Errorf("a batch shares its id and nothing else:\n%+v\n%+v", config, shard)
	}
	if !shard.EncryptionEnabled || shard.MasterKeyUUID == "" || !shard.PointInTime || config.EncryptionEnabled || config.PointInTime {
		t.Errorf("flags: %+v and %+v", shard, config)
	}
	if shard.StatusName != "PONDERING" || shard.Delivery.StatusName != "PENDING" {
		t.Errorf("words: %s, %s", shard.StatusName, shard.Delivery.StatusName)
	}
	if d := config.Delivery; d.ExpirationHours != 30 || d.MaxDownloads != 3 || d.MethodName != "HTTP" {
		t.Errorf("delivery: %+v", d)
	}
	if h := config.Hashes[0]; h.FileName != config.File || h.TypeName != "SHA1" || !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(h.Hash) {
		t.Errorf("hash: %+v", h)
	}
	old := at(s, "Replica", 0)["copy"]
	if old.BatchID != "" || old.Delivery.TargetClusterName != "Empty" || !old.Delivery.Expires.IsZero() || !old.Created.Equal(start.Add(-24*time.Hour-30*time.Minute)) {
		t.Errorf("history, automated: %+v", old)
	}
}

func TestScenarioSaysKinds(t *testing.T) {
	s := parse(t, small+"cluster F kind=flex\ncluster D kind=dedicated\ncluster L kind=legacy\ncluster M kind=managed\n")
	var got []string
	for _, c := range s.At(start, 0) {
		got = append(got, fmt.Sprint(c.Name, " ", c.Kind, " ", c.Sharded))
	}
	want := []string{"Cluster0  true", "Empty  false", "Replica  false", "F flex false", "D dedicated false", "L legacy false", "M managed false"}
	if !slices.Equal(got, want) {
		t.Errorf("clusters %q, want %q", got, want)
	}
	_, err := atlassim.ParseScenario(strings.NewReader("project " + project + "\ncluster C kind=shared\ncluster E flex"))
	const line = "line 2: \"kind=shared\": want kind=WORD, where WORD is one of dedicated, flex, legacy, managed\n"
	if err == nil || !strings.HasPrefix(err.Error(), line) || !strings.Contains(err.Error(), "line 3: \"flex\": want kind=WORD") {
		t.Errorf("another kind, and one without its name: %v", err)
	}
}

// A job that is not over has not finished, be it for a while.
func TestScenarioDatesTheEnd(t *testing.T) {
	s := parse(t, "project "+project+"\ncluster C\njob a\nat 0s a created\nat 1h a status=FINISHED\nat 2h a status=IN_PROGRESS\nat 3h a status=KILLED")
	for elapsed, want := range map[time.Duration]time.Time{
		0: {}, time.Hour: start.Add(time.Hour), 2 * time.Hour: {}, 4 * time.Hour: start.Add(3 * time.Hour),
	} {
		if got := at(s, "C", elapsed)["a"].Finished; !got.Equal(want) {
			t.Errorf("after %s: finished %s, want %s", elapsed, got, want)
		}
	}
}

// Ids say when; two moments that are the same look the same.
func TestScenarioIsDeterministic(t *testing.T) {
	odd := start.Add(123456789 * time.Nanosecond).In(time.FixedZone("", 3600))
	for _, name := range atlassim.BundledNames() {
		a, errA := atlassim.Bundled(name)
		b, errB := atlassim.Bundled(name)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		seen := map[string]bool{}
		for _, c := range a.At(odd, a.Length()) {
			for _, j := range c.Jobs {
				var seconds int64
				if _, err := fmt.Sscanf(j.ID[:8], "%x", &seconds); err != nil || seconds != j.Created.Unix() || len(j.ID) != 24 || seen[j.ID] {
					t.Errorf("%s: id %s of %s", name, j.ID, j.Created)
				}
				seen[j.ID] = true
				if j.Created.Nanosecond() != 0 || j.Created.Location() != time.UTC || j.Created.After(odd.Add(a.Length())) {
					t.Errorf("%s: created %s", name, j.Created)
				}
			}
		}
		for elapsed := time.Duration(0); elapsed <= a.Length(); elapsed += 17 * time.Minute {
			if !reflect.DeepEqual(a.At(odd, elapsed), b.At(odd, elapsed)) {
				t.Errorf("%s differs after %s", name, elapsed)
			}
		}
	}
}

func TestScenarioMistakesAreToldAtOnce(t *testing.T) {
	const text = `project xyz
cluster C
cluster -
job
job a hours=0 max=x method=MAIL colour=red
job a
project 0123456789abcdef01234567
cluster D
cluster D
job b
job c
job d
atlas
at 1h
at soon b created
at 1h b,nobody created=yes
at 1h c created
at 2h c created status=DONE expires=-
at 101y d created
`
	want := []string{
		"line 1: a project is written: project ID, where ID is 24 hex digits in lower case",
		"line 2: cluster C comes before any project",
		"line 3: a cluster is written: cluster NAME [kind=WORD], where NAME is letters, digits and hyphens",
		"line 4: a job is written: job NAME [SETTING…], where NAME is letters, digits, _ and -",
		`line 5: hours="0": want a whole number from 1 to 10000`,
		`line 5: max="x": want a whole number from 1 to 2147483647`,
		`line 5: method="MAIL": want one of HTTP, QUERY, AUTOMATED_RESTORE, SCP, CLIENT_PIT_HTTP, CLIENT_PIT_SCP, THIRD_PARTY_COPY, or another word in double quotes`,
		`line 5: "colour=red" is not one of batch=NAME, target=CLUSTER, method=WORD, hours=N, max=N, encrypted, pit`,
		"line 6: job a is there twice, first in line 5",
		"line 9: cluster D is there twice",
		`line 13: "atlas" is not one of project, cluster, job, at`,
		"line 14: an event is written: at OFFSET JOB[,JOB…] CHANGE…",
		`line 15: "soon" is not a time such as 90s, 1h30m, 2d or -1d12h, of at most 100 years`,
		`line 16: "created=yes" is not one of created, downloaded, status=WORD, delivery=WORD, expires=DURATION`,
		`line 16: there is no job "nobody" above`,
		`line 18: status="DONE": want one of IN_PROGRESS, FINISHED, BROKEN, KILLED, or another word in double quotes`,
		`line 18: expires: "-" is not a time such as 90s, 1h30m, 2d or -1d12h, of at most 100 years`,
		`line 19: "101y" is not a time such as 90s, 1h30m, 2d or -1d12h, of at most 100 years`,
		"line 5: the first event of job a has to be created: at OFFSET a created",
		"line 10: the first event of job b has to be created: at OFFSET b created",
		"line 18: job c is created twice",
		"line 12: the first event of job d has to be created: at OFFSET d created",
	}
	_, err := atlassim.ParseScenario(strings.NewReader(text))
	if err == nil {
		t.Fatal("no error")
	}
	if got := strings.Split(err.Error(), "\n"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", err, strings.Join(want, "\n"))
	}
}

func TestScenarioThatIsNone(t *testing.T) {
	tests := map[string]string{
		"":                          "the scenario has no cluster",
		"job a":                     "line 1: job a comes before any cluster",
		strings.Repeat("x", 100):    `line 1: "` + strings.Repeat("x", 60) + `…" is not one of project`,
		strings.Repeat("x", 100000): "line 1: cannot be read: bufio.Scanner: token too long",
	}
	for text, want := range tests {
		if _, err := atlassim.ParseScenario(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.10s…: %v, want %s", text, err, want)
		}
	}
	_, err := atlassim.Bundled("nothing")
	if err == nil || err.Error() != `no scenario "nothing"; there are demo, life` {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestPlay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := new(atlassim.Server)
		sim.NonceLife = time.Hour
		if sim.Elapsed() != 0 || !sim.Time().Equal(time.Now()) {
			t.Errorf("with nothing to play: %s, %s", sim.Elapsed(), sim.Time())
		}
		time.Sleep(time.Minute)
		sim.SetJobs(project, "Replica", someJobs(1))
		sim.Play(parse(t, small), start, 3600) // an hour in a second
		c := call(t, sim)
		if got := len(c.list(jobs).Results); got != 0 {
			t.Errorf("%d jobs at the start", got)
		}
		time.Sleep(4 * time.Second)
		if sim.Elapsed() != 4*time.Hour || !sim.Time().Equal(start.Add(4*time.Hour)) {
			t.Errorf("after four seconds: %s, %s", sim.Elapsed(), sim.Time())
		}
		l := c.list(jobs)
		if len(l.Results) != 2 || !strings.Contains(fmt.Sprint(l.Results), atlassim.DefaultSecret+"-url/") {
			t.Errorf("after four hours: %+v", l.Results)
		}
		if got := len(c.list(strings.Replace(jobs, "Cluster0", "Replica", 1)).Results); got != 2 {
			t.Errorf("%d jobs, want the one that was set and the one that is played", got)
		}
		if sim.Count(401) != 1 {
			t.Errorf("%d challenges: a nonce has to live by the clock, not by played time", sim.Count(401))
		}
	})
}

func TestPlayStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := new(atlassim.Server)
		for _, speed := range []float64{0, -1, math.NaN(), math.Inf(-1)} {
			sim.Play(parse(t, small), start, speed)
			time.Sleep(time.Hour)
			if sim.Elapsed() != 0 {
				t.Errorf("at speed %v: %s", speed, sim.Elapsed())
			}
		}
		sim.Play(parse(t, small), start, math.Inf(1))
		time.Sleep(time.Hour)
		if sim.Elapsed() < 50*365*24*time.Hour {
			t.Errorf("at full speed: %s", sim.Elapsed())
		}
	})
}

// The demo has something to show every few seconds: three hours are four seconds when two days are shown in a minute.
func TestDemoIsNeverDullForLong(t *testing.T) {
	s, err := atlassim.Bundled("demo")
	if err != nil {
		t.Fatal(err)
	}
	const step = time.Minute
	told := []time.Duration{0}
	var before map[string]string
	for elapsed := time.Duration(0); elapsed <= s.Length(); elapsed += step {
		now := map[string]string{}
		for _, c := range s.At(start, elapsed) {
			for _, j := range c.Jobs {
				now[j.ID] = fmt.Sprint(j.StatusName, j.Delivery.StatusName, len(j.Hashes), warnings(j, start.Add(elapsed)))
			}
		}
		if before != nil && !reflect.DeepEqual(before, now) {
			told = append(told, elapsed)
		}
		before = now
	}
	for i := range told[1:] {
		if gap := told[i+1] - told[i]; gap > 3*time.Hour+time.Minute {
			t.Errorf("nothing happens between %s and %s", told[i], told[i+1])
		}
	}
	if n := len(told); n < 30 {
		t.Errorf("%d moments to tell, want 30", n)
	}
	if d := s.Length(); d < 44*time.Hour || d > 50*time.Hour {
		t.Errorf("the demo takes %s, want about two days", d)
	}
}

// warnings counts the usual thresholds that a link has crossed.
func warnings(j atlassim.Job, now time.Time) (n int) {
	for _, threshold := range []time.Duration{24 * time.Hour, 6 * time.Hour, time.Hour, 15 * time.Minute} {
		if j.Delivery.StatusName == "READY" && j.Delivery.Expires.Sub(now) <= threshold {
			n++
		}
	}
	return n
}

// Together the scenarios reach every word of the page.
func TestScenariosReachEveryWord(t *testing.T) {
	reached := map[string]bool{}
	for _, name := range atlassim.BundledNames() {
		s, err := atlassim.Bundled(name)
		if err != nil {
			t.Fatal(err)
		}
		for elapsed := time.Duration(0); elapsed <= s.Length(); elapsed += time.Minute {
			for _, c := range s.At(start, elapsed) {
				for _, j := range c.Jobs {
					reached[j.StatusName], reached["delivery "+j.Delivery.StatusName] = true, true
				}
			}
		}
	}
	for _, word := range []string{
		"IN_PROGRESS", "FINISHED", "BROKEN", "KILLED", "delivery NOT_STARTED", "delivery PENDING", "delivery IN_PROGRESS",
		"delivery READY", "delivery FAILED", "delivery INTERRUPTED", "delivery EXPIRED", "delivery MAX_DOWNLOADS_EXCEEDED",
	} {
		if !reached[word] {
			t.Errorf("no scenario reaches %s", word)
		}
	}
}

// The example of the language's description is one.
func TestScenarioOfTheDescription(t *testing.T) {
	f, err := os.Open("scenarios/README.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var example strings.Builder
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if code, ok := strings.CutPrefix(lines.Text(), "    "); ok {
			example.WriteString(code + "\n")
		}
	}
	if got := len(at(parse(t, example.String()), "Cluster0", 16*time.Hour)["config"].Hashes); got != 1 {
		t.Errorf("%d hashes of the example's config, want 1", got)
	}
}
