package cli

import (
	"context"
	"crypto/sha1" //nolint:gosec // the API reports SHA-1, and this compares with it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"restorewatch/internal/config"
	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

var verifyCommand = command{
	name:    "verify",
	operand: "FILE...",
	brief:   "compare downloaded files with the hashes that the API reported",
	long: `Computes the SHA-1 of each file and compares it with the hash that the API reported for a file of that name, as the
state remembers it. The API reports the hash of a file once it has been downloaded, so make a run after the download.
Keep the name that the download gave the file.

Exit code: 0 if every file is as the API reported it, 1 on a mismatch, an unknown file name or an unreadable file.`,
	prepare: func(a *app, f *flags) action {
		f.configure(readerVariables...)
		return func(ctx context.Context, files []string) error { return a.verify(ctx, f, files) }
	},
}

func (a *app) verify(ctx context.Context, f *flags, files []string) error {
	if len(files) == 0 {
		return misuse("no file is given")
	}
	cfg, err := f.load(config.Reader)
	if err != nil {
		return err
	}
	ledgers, err := loadLedgers(ctx, cfg)
	if errors.Is(err, fs.ErrNotExist) {
		a.err.folded(2).printf("restorewatch verify: nothing is known of any file: %s\n", noStateFile(cfg))
		return errTold
	}
	if err != nil {
		return err
	}
	known := reportedHashes(ledgers)
	bad := 0
	for _, file := range files {
		if !a.verifyFile(file, known[filepath.Base(file)]) {
			bad++
		}
	}
	if bad > 0 {
		a.err.printf("%d of %s not verified\n", bad, count(len(files), "file"))
		return errTold
	}
	return nil
}

// A reported hash is what the API said about a file.
type reported struct {
	restore.Hash
	job     restore.Job
	current bool // the last that was told of this file and algorithm
}

// reportedHashes returns the SHA-1 hashes that the API ever reported, by the file's name.
func reportedHashes(ledgers []restore.Ledger) map[string][]reported {
	all := make(map[string][]reported)
	for _, l := range ledgers {
		for _, r := range l.Records {
			m, ok := r.Memory.(restore.JobMemory)
			if !ok {
				continue
			}
			for i, t := range m.Told {
				if !isSHA1(t.Algorithm) {
					continue
				}
				later := slices.ContainsFunc(m.Told[i+1:], func(o restore.Told) bool {
					return o.File == t.File && o.Algorithm == t.Algorithm
				})
				all[t.File] = append(all[t.File], reported{t.Hash, m.Job, !later})
			}
		}
	}
	return all
}

func isSHA1(algorithm string) bool {
	return strings.EqualFold(strings.ReplaceAll(algorithm, "-", ""), "SHA1")
}

// verifyFile says whether one file is what the API reported.
func (a *app) verifyFile(file string, known []reported) bool {
	name := publish.Line(file, 300)
	sum, size, err := sha1Of(file)
	if err != nil {
		a.verdict(red, "UNREADABLE", name, publish.Line(err.Error(), maxMessage))
		return false
	}
	if len(known) == 0 {
		a.verdict(red, "UNKNOWN", name, "the API has reported no SHA-1 for a file of this name; "+
			"it does so after the download, so make a run first, and keep the name that the download gave the file")
		return false
	}
	for _, r := range known {
		if r.current && strings.EqualFold(r.Sum, sum) {
			a.verdict(green, "OK", name, fmt.Sprintf("%s, SHA-1 %s, job %s of %s", humanSize(size), sum, r.job.ID, r.job.ClusterName))
			return true
		}
	}
	a.mismatch(name, size, sum, known)
	return false
}

func (a *app) mismatch(name string, size int64, sum string, known []reported) {
	i := slices.IndexFunc(known, func(r reported) bool { return r.current }) // there is one: the last told
	r := known[i]
	a.verdict(red, "MISMATCH", name, fmt.Sprintf("%s, SHA-1 %s, but the API reported %s for job %s of %s",
		humanSize(size), sum, publish.Line(r.Sum, 60), r.job.ID, r.job.ClusterName))
	advice := "The file is damaged, cut short or another one. Do not restore from it; download it again."
	if slices.ContainsFunc(known, func(r reported) bool { return strings.EqualFold(r.Sum, sum) }) {
		advice = "It is what the API reported earlier, before the hash changed. Do not restore from it; ask why the hash changed."
	}
	a.out.print("  " + advice + "\n")
}

func (a *app) verdict(color, word, name, text string) {
	a.out.printf("%s  %s: %s\n", a.out.paint(color, word), name, publish.Line(text, maxMessage))
}

// sha1Of reads a file once, however large it is.
func sha1Of(file string) (sum string, size int64, err error) {
	f, err := os.Open(file) //nolint:gosec // the user names the file, and can read it anyway
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha1.New() //nolint:gosec // see the import
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// humanSize writes a size for people.
func humanSize(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n), 0
	for size >= 1024 && unit < 5 {
		size, unit = size/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", size, " KMGTP"[unit])
}
