package service_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/config"
	"restorewatch/internal/restore"
	"restorewatch/internal/service"
	"restorewatch/internal/store/mem"
	"restorewatch/internal/watch"
)

// build returns a service that publishes to a recording.
func build(t *testing.T, env map[string]string, parts service.Parts) (*service.Service, *recording) {
	t.Helper()
	cfg, err := config.Load(func(name string) string { return env[name] }, config.CommandLine)
	if err != nil {
		t.Fatal(err)
	}
	heard := new(recording)
	parts.Store, parts.Outputs = mem.New(), []watch.Output{{Name: "recording", Publisher: heard}}
	made, err := service.New(t.Context(), cfg, parts)
	if err != nil {
		t.Fatal(err)
	}
	return made, heard
}

// A token serves the sixty runs of an hour, and the next hour costs one more.
func TestOneTokenAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := new(atlassim.Server)
		sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, nil)
		made, _ := build(t, map[string]string{
			config.EnvWatch:    "cloud:" + atlassim.PageProject + "/" + atlassim.PageCluster,
			config.EnvClientID: atlassim.DefaultClientID, config.EnvClientSecret: atlassim.DefaultClientSecret,
		}, service.Parts{Transport: sim.Transport()})
		for minute := range 120 {
			if report, err := made.Watcher.Run(t.Context(), time.Now()); err != nil {
				t.Fatalf("minute %d: %+v, %v", minute, report, err)
			}
			if got, want := sim.TokenRequests(), 1+minute/60; got != want {
				t.Fatalf("%d token requests after minute %d, want %d", got, minute, want)
			}
			time.Sleep(time.Minute)
		}
		if n := sim.Count(401); n != 0 {
			t.Errorf("%d answers 401, want none", n)
		}
	})
}

// An Ops Manager with a certificate of its own is believed when ATLAS_CA_FILE names it, and only then.
func TestPrivateCA(t *testing.T) {
	sim := new(atlassim.Server)
	sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, atlassim.PageExample())
	manager := httptest.NewUnstartedServer(sim)
	manager.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake that is refused
	manager.StartTLS()
	t.Cleanup(manager.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: manager.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		config.EnvWatch: "manager:" + atlassim.PageProject + "/" + atlassim.PageCluster, config.EnvBaseURL: manager.URL,
		config.EnvPublicKey: atlassim.DefaultPublicKey, config.EnvPrivateKey: atlassim.DefaultPrivateKey,
	}
	since := service.Parts{Since: time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)}

	wary, heard := build(t, env, since)
	report, err := wary.Watcher.Run(t.Context(), time.Now())
	if err == nil || len(heard.events) != 0 || len(sim.Requests()) != 0 {
		t.Errorf("without the file: %v, %d events, %d requests", err, len(heard.events), len(sim.Requests()))
	}
	f := report.Passes[0].Failures[0]
	if _, ok := errors.AsType[x509.UnknownAuthorityError](f.Err); !ok || f.Kind != restore.FailedUnavailable ||
		!strings.Contains(f.Err.Error(), "certificate") || !strings.Contains(f.Hint, config.EnvCAFile) {
		t.Errorf("without the file: %s: %v; %s", f.Kind, f.Err, f.Hint)
	}

	env[config.EnvCAFile] = file
	trusting, heard := build(t, env, since)
	if report, err := trusting.Watcher.Run(t.Context(), time.Now()); err != nil || len(heard.events) != 13 {
		t.Errorf("with the file: %d events, %+v, %v", len(heard.events), report, err)
	}
}

// A file that is no certificate is found before anything is asked.
func TestCAFileIsRead(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		empty:                     "holds no certificate",
		empty + ".does-not-exist": "no such file",
	} {
		_, err := service.New(t.Context(), load(t, map[string]string{config.EnvCAFile: file}), service.Parts{Store: mem.New()})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}
