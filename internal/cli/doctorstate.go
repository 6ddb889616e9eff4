package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"restorewatch/internal/config"
	"restorewatch/internal/restore"
	"restorewatch/internal/service"
	"restorewatch/internal/watch"
)

// state reads what is remembered of the targets, and tries a write that cannot come to pass.
func (d *doctor) state(ctx context.Context) finding {
	place := "table " + d.cfg.StateTable
	if d.cfg.StateTable == "" {
		place = "file " + d.cfg.StateFile
		// An empty file is not ours yet. Opening it would make it so, and nothing is to be changed.
		if info, err := os.Stat(d.cfg.StateFile); errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
			return beforeFirstRun(d.cfg.StateFile)
		}
	}
	st, err := openState(ctx, d.cfg)
	if err != nil {
		return failedCheck(err)
	}
	records, err := remembered(ctx, st.store, d.cfg.Targets)
	if err == nil {
		err = writable(ctx, st.store, restore.Begin(d.cfg.Targets[0], d.now))
	}
	if err := errors.Join(err, st.close()); err != nil {
		return failedCheck(err)
	}
	return finding{Result: fine, Message: fmt.Sprintf("%s readable and writable, %s of %s in %s",
		place, count(records, "record"), count(len(d.cfg.Targets), "target"), config.EnvWatch)}
}

func remembered(ctx context.Context, store watch.Store, targets []restore.Target) (records int, err error) {
	for _, t := range targets {
		ledger, err := store.Load(ctx, t)
		if err != nil {
			return 0, err
		}
		records += len(ledger.Records)
	}
	return records, nil
}

// writable tries to replace and to delete a version of r that is not stored: a store that takes writes answers that it
// has another one, or none, and has done nothing.
func writable(ctx context.Context, store watch.Store, r restore.Record) error {
	r.Version = math.MaxInt32
	if _, err := store.Save(ctx, r); !errors.Is(err, watch.ErrConflict) {
		return err
	}
	if err := store.Drop(ctx, r); !errors.Is(err, watch.ErrConflict) {
		return err
	}
	return nil
}

// beforeFirstRun looks whether the state file can be made, and does not make it.
func beforeFirstRun(file string) finding {
	probe, err := os.CreateTemp(filepath.Dir(file), ".restorewatch-doctor-*")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return finding{Result: wrong, Kind: restore.FailedState,
			Message: "file " + file + " does not exist and cannot be made: " + err.Error(),
			Hint:    "Make its directory writable, or set " + config.EnvStateFile + " to another place."}
	}
	return finding{Result: fine, Message: "file " + file + " does not exist yet; the first run makes it"}
}

// lookAt looks at an output.
func lookAt(ctx context.Context, l service.Look) finding {
	found, err := l.At(ctx)
	switch {
	case errors.Is(err, service.ErrUnseen):
		return finding{Result: unchecked, Message: found, Hint: "restorewatch test-event sends one."}
	case err != nil:
		return failedCheck(err)
	}
	return finding{Result: fine, Message: found}
}
