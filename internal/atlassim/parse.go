package atlassim

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds that keep arithmetic on times exact and messages short.
const (
	longest   = 100 * 365 * 24 * time.Hour
	shownText = 60
)

var (
	objectIDForm = regexp.MustCompile(`^[0-9a-f]{24}$`)
	clusterForm  = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]{0,63}$`)
	nameForm     = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$`)
	wordForm     = regexp.MustCompile(`^"[^"]{1,64}"$`)

	statuses   = []string{"IN_PROGRESS", "FINISHED", "BROKEN", "KILLED"}
	deliveries = []string{"NOT_STARTED", "PENDING", "IN_PROGRESS", "READY", "FAILED", "INTERRUPTED", "EXPIRED", "MAX_DOWNLOADS_EXCEEDED"}
	methods    = []string{"HTTP", "QUERY", "AUTOMATED_RESTORE", "SCP", "CLIENT_PIT_HTTP", "CLIENT_PIT_SCP", "THIRD_PARTY_COPY"}
)

// ParseScenario reads a scenario; scenarios/README.md describes the language. The error names every problem, each with
// its line.
func ParseScenario(r io.Reader) (*Scenario, error) {
	p := parser{jobs: map[string]*role{}}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		p.line++
		text, _, _ := strings.Cut(lines.Text(), "#")
		if words := strings.Fields(text); len(words) > 0 {
			p.read(words)
		}
	}
	if err := lines.Err(); err != nil {
		p.line++
		p.wrong("cannot be read: %v", err)
	}
	p.finish()
	if len(p.problems) > 0 {
		return nil, errors.Join(p.problems...)
	}
	return &Scenario{p.clusters}, nil
}

type parser struct {
	line     int
	project  string
	clusters []*cast
	jobs     map[string]*role // by name: a name is used once in a file
	order    []*role
	problems []error
}

func (p *parser) wrong(format string, args ...any) { p.wrongAt(p.line, format, args...) }

func (p *parser) wrongAt(line int, format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf("line %d: "+format, append([]any{line}, args...)...))
}

// clip quotes text from the file for a message.
func clip(s string) string {
	if len(s) > shownText {
		s = s[:shownText] + "…"
	}
	return strconv.Quote(s)
}

func (p *parser) read(words []string) {
	switch words[0] {
	case "project":
		p.readProject(words[1:])
	case "cluster":
		p.readCluster(words[1:])
	case "job":
		p.readJob(words[1:])
	case "at":
		p.readMoment(words[1:])
	default:
		p.wrong("%s is not one of project, cluster, job, at", clip(words[0]))
	}
}

func (p *parser) readProject(words []string) {
	if len(words) != 1 || !objectIDForm.MatchString(words[0]) {
		p.wrong("a project is written: project ID, where ID is 24 hex digits in lower case")
		return
	}
	p.project = words[0]
}

func (p *parser) readCluster(words []string) {
	if len(words) == 0 || !clusterForm.MatchString(words[0]) {
		p.wrong("a cluster is written: cluster NAME [kind=WORD], where NAME is letters, digits and hyphens")
		return
	}
	if p.project == "" {
		p.wrong("cluster %s comes before any project", words[0])
	}
	if slices.ContainsFunc(p.clusters, func(c *cast) bool { return c.project == p.project && c.name == words[0] }) {
		p.wrong("cluster %s is there twice", words[0])
	}
	c := &cast{project: p.project, name: words[0]}
	for _, word := range words[1:] {
		kind, ok := strings.CutPrefix(word, "kind=")
		if !ok || !slices.Contains(kinds, kind) {
			p.wrong("%s: want kind=WORD, where WORD is one of %s", clip(word), strings.Join(kinds, ", "))
		}
		c.kind = Kind(kind)
	}
	p.clusters = append(p.clusters, c)
}

func (p *parser) readJob(words []string) {
	if len(words) == 0 || !nameForm.MatchString(words[0]) {
		p.wrong("a job is written: job NAME [SETTING…], where NAME is letters, digits, _ and -")
		return
	}
	r := &role{name: words[0], method: "HTTP", hours: 48, max: 1, line: p.line}
	for _, word := range words[1:] {
		p.set(r, word)
	}
	if first := p.jobs[r.name]; first != nil {
		p.wrong("job %s is there twice, first in line %d", r.name, first.line)
		return
	}
	p.jobs[r.name] = r
	p.order = append(p.order, r)
	if len(p.clusters) == 0 {
		p.wrong("job %s comes before any cluster", r.name)
		return
	}
	home := p.clusters[len(p.clusters)-1]
	home.jobs = append(home.jobs, r)
}

func (p *parser) set(r *role, word string) {
	name, value, _ := strings.Cut(word, "=")
	switch {
	case word == "encrypted":
		r.encrypted = true
	case word == "pit":
		r.pointInTime = true
	case name == "batch" && nameForm.MatchString(value):
		r.batch = value
	case name == "target" && clusterForm.MatchString(value):
		r.target = value
	case name == "method":
		r.method = p.word(name, value, methods)
	case name == "hours":
		r.hours = p.number(name, value, 10000)
	case name == "max":
		r.max = p.number(name, value, 1<<31-1)
	default:
		p.wrong("%s is not one of batch=NAME, target=CLUSTER, method=WORD, hours=N, max=N, encrypted, pit", clip(word))
	}
}

func (p *parser) number(name, value string, most int) int {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		p.wrong("%s=%s: want a whole number from 1 to %d", name, clip(value), most)
	}
	return n
}

// word takes one of the API's words, or any word in double quotes.
func (p *parser) word(name, value string, known []string) string {
	if wordForm.MatchString(value) {
		return strings.Trim(value, `"`)
	}
	if !slices.Contains(known, value) {
		p.wrong("%s=%s: want one of %s, or another word in double quotes", name, clip(value), strings.Join(known, ", "))
	}
	return value
}

func (p *parser) readMoment(words []string) {
	if len(words) < 3 {
		p.wrong("an event is written: at OFFSET JOB[,JOB…] CHANGE…")
		return
	}
	at, err := parseOffset(words[0])
	if err != nil {
		p.wrong("%v", err)
		return
	}
	m := moment{at: at, line: p.line}
	for _, word := range words[2:] {
		p.change(&m, word)
	}
	for name := range strings.SplitSeq(words[1], ",") {
		if r := p.jobs[name]; r != nil {
			r.moments = append(r.moments, m.withExpiry(r))
		} else {
			p.wrong("there is no job %s above", clip(name))
		}
	}
}

// withExpiry gives a link that becomes READY the life that its job asks for, unless the event says another.
func (m moment) withExpiry(r *role) moment {
	if m.delivery == "READY" && m.expires == 0 && r.download() {
		m.expires = m.at + time.Duration(r.hours)*time.Hour
	}
	return m
}

func (p *parser) change(m *moment, word string) {
	name, value, _ := strings.Cut(word, "=")
	switch {
	case word == "created":
		m.created = true
	case word == "downloaded":
		m.downloaded = true
	case name == "status":
		m.status = p.word(name, value, statuses)
	case name == "delivery":
		m.delivery = p.word(name, value, deliveries)
	case name == "expires":
		in, err := parseOffset(value)
		if err != nil {
			p.wrong("expires: %v", err)
		}
		m.expires = cmp.Or(m.at+in, time.Nanosecond) // 0 means that nothing is said
	default:
		p.wrong("%s is not one of created, downloaded, status=WORD, delivery=WORD, expires=DURATION", clip(word))
	}
}

// parseOffset reads a Go duration that may begin with days: 90s, 1h30m, 2d, 1d12h, -3d.
func parseOffset(s string) (time.Duration, error) {
	text, negative := strings.CutPrefix(s, "-")
	var d time.Duration
	if days, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, badOffset(s)
		}
		d, text = time.Duration(n)*24*time.Hour, rest
	}
	if text != "" && text != "0" {
		rest, err := time.ParseDuration(text)
		if err != nil || rest < 0 || rest > longest {
			return 0, badOffset(s)
		}
		d += rest
	}
	if d > longest || s == "" || s == "-" {
		return 0, badOffset(s)
	}
	if negative {
		return -d, nil
	}
	return d, nil
}

func badOffset(s string) error {
	return fmt.Errorf("%s is not a time such as 90s, 1h30m, 2d or -1d12h, of at most 100 years", clip(s))
}

// finish puts each job's events in order and checks that each begins with its creation.
func (p *parser) finish() {
	for _, r := range p.order {
		slices.SortStableFunc(r.moments, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
		p.checkCreation(r)
	}
	for _, c := range p.clusters {
		c.dateBatches()
	}
	if len(p.clusters) == 0 && len(p.problems) == 0 {
		p.problems = append(p.problems, errors.New("the scenario has no cluster"))
	}
}

func (p *parser) checkCreation(r *role) {
	if len(r.moments) == 0 || !r.moments[0].created {
		p.wrongAt(r.line, "the first event of job %s has to be created: at OFFSET %s created", r.name, r.name)
	}
	for _, m := range r.moments[min(1, len(r.moments)):] {
		if m.created {
			p.wrongAt(m.line, "job %s is created twice", r.name)
		}
	}
}

// dateBatches dates each batch by the first of its jobs.
func (c *cast) dateBatches() {
	first := map[string]time.Duration{}
	for _, r := range c.jobs {
		if at, seen := first[r.batch]; len(r.moments) > 0 && (!seen || r.moments[0].at < at) {
			first[r.batch] = r.moments[0].at
		}
	}
	for _, r := range c.jobs {
		r.batchCreated = first[r.batch]
	}
}
