package watch

import (
	"context"
	"errors"
	"iter"

	"restorewatch/internal/restore"
)

// ErrConflict is returned by a Store whose record was changed by somebody else since it was loaded. Another run was
// faster: a normal thing, never an alarm.
var ErrConflict = errors.New("changed by another run")

// A Lister lists the restore jobs of a target, page by page, newest first as a rule but not by promise. After an error
// the sequence ends. A caller that stops ranging stops the reading of pages.
type Lister interface {
	// RestoreJobs asks for pages of at most perPage jobs. A job is yielded once, however often pages that shift while
	// being read repeat it. An error says what could not be done, and may
	// implement FailureKind() restore.FailureKind and Hint() string.
	RestoreJobs(ctx context.Context, t restore.Target, perPage int) iter.Seq2[[]restore.Job, error]
}

// A Finder finds the targets that one with a "*" stands for, which may have a "*" themselves. After an error the sequence
// ends, and what came before it is not the whole.
type Finder interface {
	Targets(ctx context.Context, wild restore.Target) iter.Seq2[restore.Target, error]
}

// A Store keeps ledgers.
type Store interface {
	// Load returns every record of a target, as written by every Save that returned before Load was called. The ledger
	// of a target never saved is empty, not an error.
	Load(ctx context.Context, t restore.Target) (restore.Ledger, error)
	// Save writes r if the stored version is still r.Version (0: if there is none) and returns r with its new version;
	// otherwise ErrConflict. After any other error the write may or may not have been applied.
	Save(ctx context.Context, r restore.Record) (restore.Record, error)
	// Drop deletes r if the stored version is still r.Version, otherwise ErrConflict. A record that is gone already is
	// dropped.
	Drop(ctx context.Context, r restore.Record) error
}

// A Publisher tells events to the world. Publishing the same id again is harmless.
type Publisher interface {
	// Publish tries events in the order given. accepted[i] says whether events[i] is known to have been taken; once one
	// event of a subject is refused, later ones of that subject are not tried. err tells why, in as many parts as there
	// were reasons, and is nil exactly when all were accepted.
	Publish(ctx context.Context, events []restore.Event) (accepted []bool, err error)
}
