package service_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/atlas"
	"restorewatch/internal/config"
	"restorewatch/internal/outbound"
	"restorewatch/internal/outbound/hostiletest"
	"restorewatch/internal/restore"
	"restorewatch/internal/service"
	"restorewatch/internal/store/mem"
	"restorewatch/internal/watch"
)

// A hostileWorld has clusters that are listed as they should, named good1, good2, …, and others, each with an answer of
// its own.
type hostileWorld struct {
	answers []hostiletest.Answer
	good    int

	mu   sync.Mutex
	told map[string]int // events by project
}

// Publish implements watch.Publisher.
func (w *hostileWorld) Publish(_ context.Context, events []restore.Event) ([]bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	accepted := make([]bool, len(events))
	for i, e := range events {
		w.told[e.Target.Project]++
		accepted[i] = true
	}
	return accepted, nil
}

// targets mixes the good among the others.
func (w *hostileWorld) targets() []string {
	var all []string
	for i := range max(len(w.answers), w.good) {
		if i < len(w.answers) {
			all = append(all, fmt.Sprintf("legacy:bad%d/A", i))
		}
		if i < w.good {
			all = append(all, fmt.Sprintf("legacy:good%d/A", i))
		}
	}
	return all
}

func (w *hostileWorld) answer(out io.Writer, r *http.Request) (keep bool) {
	_, project, _ := strings.Cut(r.URL.Path, "/groups/")
	project, _, _ = strings.Cut(project, "/")
	var bad int
	if _, err := fmt.Sscanf(project, "bad%d", &bad); err == nil {
		w.answers[bad].Write(out)
		return w.answers[bad].Keep
	}
	if r.Header.Get("Authorization") == "" {
		_, err := io.WriteString(out, "HTTP/1.1 401 Unauthorized\r\n"+
			"Www-Authenticate: Digest realm=\"MMS Public API\", nonce=\"n\", algorithm=MD5, qop=\"auth\"\r\nContent-Length: 0\r\n\r\n")
		return err == nil
	}
	page := `{"results":[{"id":"5a66783b80eef5354c77ee16","statusName":"FINISHED","created":"2018-01-22T23:48:11Z"}]}`
	_, err := fmt.Fprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(page), page)
	return err == nil
}

func (w *hostileWorld) service(t *testing.T) *service.Service {
	t.Helper()
	env := map[string]string{
		"WATCH": strings.Join(w.targets(), ","), "ATLAS_BASE_URL": "http://127.0.0.1", "ATLAS_PUBLIC_KEY": "canary", "ATLAS_PRIVATE_KEY": "CANARY-key",
	}
	cfg, err := config.Load(func(name string) string { return env[name] }, config.CommandLine)
	if err != nil {
		t.Fatal(err)
	}
	s := &hostiletest.Server{Answer: w.answer}
	svc, err := service.New(t.Context(), cfg, service.Parts{
		Store: mem.New(), Outputs: []watch.Output{{Name: "test", Publisher: w}}, Transport: s.Transport(t, atlas.Transport()),
		Since: time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

// run makes one run of a minute and checks that it keeps its time and tells no secret.
func (w *hostileWorld) run(t *testing.T, svc *service.Service) (report watch.Report) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	start := time.Now()
	report, err := svc.Watcher.Run(ctx, start)
	if took := time.Since(start); took > time.Minute {
		t.Errorf("the run took %v", took)
	}
	if err != nil {
		t.Errorf("one bad target among good ones fails the run: %v", err)
	}
	for _, p := range report.Passes {
		for _, f := range p.Failures {
			if strings.HasPrefix(p.Target.Project, "good") {
				t.Errorf("%s: %v", p.Target, f.Err)
			}
			if text := f.Err.Error() + f.Hint; strings.Contains(text, hostiletest.Canary) || len(text) > 2000 {
				t.Errorf("%s: told %.2000s", p.Target, text)
			}
		}
	}
	return report
}

// Each hostile answer at a cluster of its own, among good ones: these are told of in the same run, and each of the others
// is a failure of that target alone.
func TestHostileAmongGood(t *testing.T) {
	outbound.GuardLog(io.Discard)
	t.Cleanup(func() { outbound.GuardLog(os.Stderr) })
	synctest.Test(t, func(t *testing.T) {
		w := &hostileWorld{answers: hostiletest.Answers(), good: 12, told: map[string]int{}}
		report := w.run(t, w.service(t))
		for i := range w.good {
			if told := w.told[fmt.Sprintf("good%d", i)]; told != 2 { // created, and finished
				t.Errorf("good%d: %d events", i, told)
			}
		}
		if len(w.told) != w.good {
			t.Errorf("told of %v", w.told)
		}
		if failed := report.Failed(); failed != len(w.answers) {
			t.Errorf("%d targets failed, want %d", failed, len(w.answers))
		}
	})
}

// More slow clusters than are listed at a time take the whole of a run, and no more than some runs from the good ones.
func TestSlowServersStarveNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &hostileWorld{good: 8, told: map[string]int{}}
		for len(w.answers) < 40 {
			for _, a := range hostiletest.Answers() {
				if a.Slow {
					w.answers = append(w.answers, a)
				}
			}
		}
		svc := w.service(t)
		runs := 0
		for ; len(w.told) < w.good && runs < 10; runs++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			start := time.Now()
			_, _ = svc.Watcher.Run(ctx, start) // a run without any success is an error, and the next one goes on
			cancel()
			if took := time.Since(start); took > time.Minute {
				t.Errorf("run %d took %v", runs+1, took)
			}
			time.Sleep(time.Minute)
		}
		if most := 4; runs > most { // 48 targets, of which 8 at a time take half a minute at the most
			t.Errorf("%d runs until each good cluster was told of, want at most %d: %v", runs, most, w.told)
		}
	})
}
