package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/atlas"
	"restorewatch/internal/config"
	"restorewatch/internal/restore"
)

// credentials fetches them and makes the first request: the projects that they may see, which no target's mistake can
// spoil. When it is over, the targets may be asked.
func (d *doctor) credentials(ctx context.Context) (f finding) {
	defer func() {
		d.refusal = f.Result
		close(d.entered)
	}()
	key, err := d.keys.Key(ctx)
	if err != nil {
		return failedCheck(err)
	}
	sort := "API key"
	if key.ServiceAccount {
		sort = "service account"
	}
	if d.cfg.CredentialsSecret != "" {
		sort += " of secret " + d.cfg.CredentialsSecret
	}
	accepted := fmt.Sprintf("%s accepted by %s", sort, d.cfg.BaseURL)
	n := 0
	for _, err := range d.client.Projects(ctx, d.cfg.Targets[0].Source) {
		if err != nil {
			return admitted(accepted, failedCheck(err))
		}
		if n++; n == firstPage {
			break
		}
	}
	return finding{Result: fine, Message: accepted + ", may see " + orMore(n, "project")}
}

// admitted tells a credential that was refused from one that was accepted for something else than listing projects.
func admitted(accepted string, f finding) finding {
	switch f.Kind {
	case restore.FailedForbidden:
		return finding{Result: fine, Message: accepted + "; it may not list projects, which only a target with */* needs"}
	case restore.FailedNotFound, restore.FailedConfig: // the host does not know this API: the targets tell more
		f.Result = unchecked
	}
	return f
}

// The most that clocks may differ without a word, and without harm: AWS refuses signatures that are five minutes off
// ("Signature Version 4", elements of a request).
const (
	clockFair = 30 * time.Second
	clockMost = 5 * time.Minute
)

func (d *doctor) clock(context.Context) finding {
	ahead, told := d.client.ClockSkew()
	if !told {
		return finding{Result: unchecked, Message: "no answer of the API has told the time"}
	}
	return clockOff(ahead)
}

// clockOff judges how far the clock here is ahead of the API's.
func clockOff(ahead time.Duration) finding {
	off, way := ahead.Round(time.Second), "ahead of"
	if off < 0 {
		off, way = -off, "behind"
	}
	f := finding{Result: fine, Message: fmt.Sprintf("%s %s the API's", off, way)}
	switch {
	case off <= 2*time.Second: // the API tells whole seconds
		f.Message = "agrees with the API's"
	case off > clockMost:
		f.Result, f.Hint = wrong, "Set the clock of this machine (NTP): warnings come at the wrong time, and AWS refuses its requests."
	case off > clockFair:
		f.Result, f.Hint = doubtful, "Set the clock of this machine (NTP): warnings of links about to expire go by it."
	}
	return f
}

// firstPage is how many restore jobs, or projects, are asked for.
const firstPage = 100

// orMore counts what stood on a first page.
func orMore(n int, noun string) string {
	if n >= firstPage {
		return fmt.Sprintf("%d %ss or more", n, noun)
	}
	return count(n, noun)
}

// target lists one page.
func (d *doctor) target(ctx context.Context, t restore.Target) finding {
	if d.refusal == wrong {
		return finding{Result: unchecked, Message: "not asked: the credentials come first"}
	}
	if t.Wild() {
		return d.wild(ctx, t)
	}
	jobs, err := d.page(ctx, t)
	switch {
	case err != nil:
		return d.refused(ctx, t, err)
	case len(jobs) == 0 && t.Source == restore.Legacy:
		return d.elsewhere(ctx, t)
	}
	return finding{Result: fine, Message: "200 OK, " + d.describe(jobs)}
}

// page returns the first page of a target's restore jobs.
func (d *doctor) page(ctx context.Context, t restore.Target) ([]restore.Job, error) {
	for jobs, err := range d.client.RestoreJobs(ctx, t, firstPage) {
		return jobs, err
	}
	return nil, nil
}

func (d *doctor) describe(jobs []restore.Job) string {
	if len(jobs) == 0 {
		return "no restore job yet"
	}
	newest := slices.MaxFunc(jobs, func(a, b restore.Job) int { return a.Created.Compare(b.Created) })
	text := fmt.Sprintf("%s, the newest %s is %s", orMore(len(jobs), "restore job"), newest.ID, newest.Status)
	if newest.Delivery.Status != "" {
		text += ", its delivery " + string(newest.Delivery.Status)
	}
	if !newest.Created.IsZero() {
		text += fmt.Sprintf(" (%s old)", short(d.now.Sub(newest.Created)))
	}
	return text
}

// refused is a target that could not be listed. When it is not there, those that are there help more than a guess.
func (d *doctor) refused(ctx context.Context, t restore.Target, err error) finding {
	f := failedCheck(err)
	if f.Kind != restore.FailedNotFound {
		return f
	}
	names, err := d.clusters(ctx, t)
	if err == nil {
		f.Hint += fmt.Sprintf(" By the source %s, the project has %s.", t.Source, listed(names, "cluster"))
	}
	return f
}

func (d *doctor) clusters(ctx context.Context, t restore.Target) ([]string, error) {
	var names []string
	for c, err := range d.client.Clusters(ctx, t.Source, t.Project) {
		if err != nil {
			return nil, err
		}
		names = append(names, c.Target.Cluster)
	}
	return names, nil
}

// mostNames bounds how many names are told.
const mostNames = 5

// listed counts names and tells the first.
func listed(names []string, noun string) string {
	switch n := len(names); {
	case n == 0:
		return "no " + noun
	case n > mostNames:
		return count(n, noun) + ": " + strings.Join(names[:mostNames], ", ") + ", …"
	default:
		return count(n, noun) + ": " + strings.Join(names, ", ")
	}
}

// elsewhere looks for the restores of a cluster whose legacy list is empty. Atlas answers so too for a cluster whose
// backups are of another sort.
func (d *doctor) elsewhere(ctx context.Context, t restore.Target) finding {
	const empty = "200 OK with an empty list"
	as := func(source restore.Source) restore.Target {
		return restore.Target{Source: source, Project: t.Project, Cluster: t.Cluster}
	}
	jobs, err := d.page(ctx, as(restore.Cloud))
	switch {
	case err == nil && len(jobs) > 0:
		return finding{Result: wrong, Kind: restore.FailedConfig,
			Message: empty + ", but by Cloud Backup the cluster has " + d.describe(jobs),
			Hint:    "Use " + as(restore.Cloud).String() + " in " + config.EnvWatch + "."}
	case err == nil:
		return finding{Result: doubtful, Message: empty + ", and Cloud Backup has no restore job of the cluster either",
			Hint: "If the backups are Cloud Backup, as of all newer clusters, use " + as(restore.Cloud).String() + " in " + config.EnvWatch + "."}
	}
	if notDedicated(err) {
		if jobs, flexErr := d.page(ctx, as(restore.Flex)); flexErr == nil {
			return finding{Result: wrong, Kind: restore.FailedConfig,
				Message: empty + ", but it is a Flex cluster: " + d.describe(jobs),
				Hint:    "Use " + as(restore.Flex).String() + " in " + config.EnvWatch + "."}
		}
	}
	f := failedCheck(err)
	f.Result, f.Message = doubtful, empty+", and whether Cloud Backup has restore jobs cannot be told: "+f.Message
	return f
}

// notDedicated reports that Cloud Backup does not know the cluster, as it may know no Flex cluster.
func notDedicated(err error) bool {
	e, ok := errors.AsType[*atlas.Error](err)
	return ok && (e.Code == "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API" || e.FailureKind() == restore.FailedNotFound)
}

// wild tells what a "*" stands for, and lists the first of it.
func (d *doctor) wild(ctx context.Context, t restore.Target) finding {
	found, err := d.standsFor(ctx, t)
	if err != nil {
		return failedCheck(err)
	}
	names := make([]string, len(found))
	for i, one := range found {
		names[i] = one.Cluster
		if t.Project == "*" {
			names[i] = one.Place()
		}
	}
	stands := "stands for " + listed(names, "cluster")
	if len(found) == 0 {
		return finding{Result: doubtful, Message: stands,
			Hint: "Check the project id and the source: other sources may know the clusters there."}
	}
	f := d.target(ctx, found[0])
	f.Message = stands + "; the first: " + f.Message
	return f
}

// standsFor finds the clusters, also those of every project.
func (d *doctor) standsFor(ctx context.Context, wild restore.Target) ([]restore.Target, error) {
	var found []restore.Target
	for t, err := range d.client.Targets(ctx, wild) {
		if err != nil {
			return nil, err
		}
		if !t.Wild() {
			found = append(found, t)
			continue
		}
		below, err := d.standsFor(ctx, t)
		if err != nil {
			return nil, err
		}
		found = append(found, below...)
	}
	return found, nil
}
