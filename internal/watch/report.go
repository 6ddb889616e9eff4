package watch

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"restorewatch/internal/restore"
)

// A Report says what a run did.
type Report struct {
	Passes []Pass // by target
}

// A Pass is what a run did with one target.
type Pass struct {
	Target        restore.Target
	Begun         bool // the target was watched for the first time
	Listed        int  // jobs seen
	History       int  // of them, left alone because they were over before the target was watched
	Adopted       int  // of them, recorded silently
	Changed       int  // jobs whose record changed and was saved
	Published     []restore.Event
	Pending       int // events saved and not yet known to be published
	OldestPending time.Time
	Failures      []Failure
	Blind         bool // the ledger or the listing could not be read
	Unsaved       bool // something observed could not be saved
	Unpublished   bool // something saved could not be published
}

// A Failure is one thing that went wrong in a pass.
type Failure struct {
	Kind restore.FailureKind
	Hint string // what to do about it, or ""
	Err  error
}

// kinded and hinted are what an adapter's error may tell about itself.
type (
	kinded interface {
		error
		FailureKind() restore.FailureKind
	}
	hinted interface {
		error
		Hint() string
	}
)

// fail notes a failure, of the kind that the error itself names or else of kind, and returns it in the domain's form.
func (p *Pass) fail(kind restore.FailureKind, err error) restore.Failure {
	f := Failure{Kind: kind, Err: err}
	if e, ok := errors.AsType[kinded](err); ok {
		f.Kind = e.FailureKind()
	}
	if e, ok := errors.AsType[hinted](err); ok {
		f.Hint = e.Hint()
	}
	p.Failures = append(p.Failures, f)
	return restore.Failure{Kind: f.Kind, Message: err.Error(), Hint: f.Hint}
}

// Total sums what the passes counted.
func (r Report) Total() (sum Pass) {
	for _, p := range r.Passes {
		sum.Listed += p.Listed
		sum.History += p.History
		sum.Adopted += p.Adopted
		sum.Changed += p.Changed
		sum.Pending += p.Pending
		sum.Published = append(sum.Published, p.Published...)
		if !p.OldestPending.IsZero() && (sum.OldestPending.IsZero() || p.OldestPending.Before(sum.OldestPending)) {
			sum.OldestPending = p.OldestPending
		}
	}
	return sum
}

// Failed returns how many targets had a failure.
func (r Report) Failed() int {
	n := 0
	for _, p := range r.Passes {
		if len(p.Failures) > 0 {
			n++
		}
	}
	return n
}

// What an error says of the failures. CloudWatch Logs takes an event of 256 KB (CloudWatch Logs quotas), and a run may
// have thousands of targets that fail alike.
const (
	maxTold  = 20       // failures that are told with what they say
	maxSaid  = 2000     // bytes of that
	maxNamed = 64 << 10 // bytes of those that are named alone, target and kind
)

// Err returns an error that names each failing target and the kind of its failures if the run as a whole failed: if no
// target could be seen, or something observed could not be saved, or something saved could not be published.
// One bad target among good ones is no error. The error's text is bounded: what the failures say is told of the first
// twenty, and past a thousand targets or so the rest is counted.
func (r Report) Err() error {
	blind, severe := 0, false
	var said bounded
	for _, p := range r.Passes {
		if p.Blind {
			blind++
		}
		severe = severe || p.Unsaved || p.Unpublished || blind == len(r.Passes)
		for _, f := range p.Failures {
			said.add(p.Target, f)
		}
	}
	if !severe {
		return nil
	}
	return fmt.Errorf("%d of %s failed: %s", r.Failed(), counted(len(r.Passes), "target"), said.String())
}

// A bounded is a list of failures that does not grow with their number for ever.
type bounded struct {
	parts      []string
	bytes      int
	told, left int
}

func (b *bounded) add(t restore.Target, f Failure) {
	part := fmt.Sprintf("%s: %s", t, f.Kind)
	switch {
	case b.told < maxTold:
		b.told++
		said := f.Err.Error()
		if len(said) > maxSaid {
			said = strings.ToValidUTF8(said[:maxSaid], "") + "…"
		}
		part += ": " + said
	case b.bytes+len(part) > maxNamed:
		b.left++
		return
	default:
		b.bytes += len(part)
	}
	b.parts = append(b.parts, part)
}

func (b *bounded) String() string {
	text := strings.Join(b.parts, "; ")
	if b.left > 0 {
		text += fmt.Sprintf("; and %s more", counted(b.left, "failure"))
	}
	return text
}

// counted writes "1 event" and "2 events".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
