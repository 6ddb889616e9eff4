package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"restorewatch/internal/config"
	"restorewatch/internal/outbound/cloud"
	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
	"restorewatch/internal/service"
	"restorewatch/internal/store/dynamo"
	"restorewatch/internal/store/sqlite"
	"restorewatch/internal/watch"
)

// A state is a store that has been opened, and how to close it.
type state struct {
	store watch.Store
	close func() error
}

// openState opens the store that the configuration names, for reading and writing.
func openState(ctx context.Context, cfg config.Config) (state, error) {
	if cfg.StateTable != "" {
		table, err := service.Table(ctx, cfg)
		return state{table, func() error { return nil }}, err
	}
	file, err := sqlite.Open(ctx, cfg.StateFile)
	if err != nil {
		return state{}, err
	}
	return state{file, file.Close}, nil
}

// loadLedgers returns all that is remembered of the targets in the configuration, or else of every target in the store.
// It changes nothing, and the watcher may write meanwhile. A file that does not exist holds nothing: fs.ErrNotExist.
func loadLedgers(ctx context.Context, cfg config.Config) ([]restore.Ledger, error) {
	if cfg.StateTable != "" {
		return loadTable(ctx, cfg)
	}
	if _, err := os.Stat(cfg.StateFile); errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	file, err := sqlite.OpenReadOnly(ctx, cfg.StateFile)
	if err != nil {
		return nil, err
	}
	ledgers, err := loadAll(ctx, file, cfg.Targets, file.Targets)
	return ledgers, errors.Join(err, file.Close())
}

// noStateFile says that there is no state file, and where it comes from.
func noStateFile(cfg config.Config) string {
	return fmt.Sprintf("there is no file %s. The first \"restorewatch run\" makes it; one elsewhere is named by STATE_FILE or --state-file.",
		publish.Line(cfg.StateFile, 200))
}

func loadTable(ctx context.Context, cfg config.Config) ([]restore.Ledger, error) {
	table, err := service.Table(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return loadAll(ctx, table, cfg.Targets, func(ctx context.Context) ([]restore.Target, error) {
		c, err := cloud.Config(ctx)
		if err != nil {
			return nil, err
		}
		return dynamo.Targets(ctx, dynamodb.NewFromConfig(c), cfg.StateTable)
	})
}

// among returns those of the stored targets that are wanted: all of them if none is named. What a "*" stands for is told
// by what the watcher has found and stored.
func among(stored, wanted []restore.Target) []restore.Target {
	fits := func(s, w string) bool { return w == "*" || s == w }
	return slices.DeleteFunc(stored, func(s restore.Target) bool {
		return len(wanted) > 0 && !slices.ContainsFunc(wanted, func(w restore.Target) bool {
			return s.Source == w.Source && fits(s.Project, w.Project) && fits(s.Cluster, w.Cluster)
		})
	})
}

func loadAll(ctx context.Context, store watch.Store, targets []restore.Target,
	every func(context.Context) ([]restore.Target, error),
) ([]restore.Ledger, error) {
	if len(targets) == 0 || slices.ContainsFunc(targets, restore.Target.Wild) {
		stored, err := every(ctx)
		if err != nil {
			return nil, err
		}
		targets = among(stored, targets)
	}
	var ledgers []restore.Ledger
	for _, t := range targets {
		ledger, err := store.Load(ctx, t)
		if err != nil {
			return nil, err
		}
		if ledger.Begun() {
			ledgers = append(ledgers, ledger)
		}
	}
	return ledgers, nil
}
