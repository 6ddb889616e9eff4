package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/config"
	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

var simCommand = command{
	name:  "sim",
	brief: "serve a simulated API to try things out",
	long: `Serves a simulation of the restore jobs API until SIGINT (Ctrl-C) or SIGTERM comes, and prints what to put into the
environment to watch it. Its API key is no secret, so it listens on loopback only, unless --public is given.

What it serves is a scenario, a text file with a timeline of restore jobs, played from now on. Two come with the
program: ` + strings.Join(atlassim.BundledNames(), " and ") + `. The scenario "page" stands still: the three finished jobs of the API page's example.`,
	prepare: func(a *app, f *flags) action {
		o := new(simulation)
		f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "listen on `ADDRESS`; port 0 takes a free one")
		f.StringVar(&o.scenario, "scenario", "demo", "what is served: a `FILE`, or the name of a scenario that comes with the program")
		f.Float64Var(&o.speed, "speed", 1, "play the scenario `N` times as fast as the clock; its dates run ahead of the clock then")
		f.StringVar(&o.key, "key", atlassim.DefaultPublicKey+":"+atlassim.DefaultPrivateKey, "the API key that it takes, `PUBLIC:PRIVATE`")
		f.BoolVar(&o.public, "public", false, "listen on other addresses than loopback")
		return func(ctx context.Context, _ []string) error { return a.sim(ctx, o) }
	},
}

// A simulation is what the flags of sim say.
type simulation struct {
	listen, scenario, key string
	speed                 float64
	public                bool
}

func (a *app) sim(ctx context.Context, o *simulation) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	server := new(atlassim.Server)
	public, private, ok := strings.Cut(o.key, ":")
	if !ok || public == "" || private == "" {
		return misuse("--key: want PUBLIC:PRIVATE")
	}
	server.Keys = map[string]string{public: private}
	if !(o.speed > 0 && o.speed <= 1e6) { // NaN is neither
		return misuse("--speed: want a number over 0, at most 1000000")
	}
	targets, err := o.stage(server, a.now())
	if err != nil {
		return err
	}
	listener, err := o.open(ctx)
	if err != nil {
		return err
	}
	a.out.printf("export %s=http://%s\nexport %s=%s\nexport %s=%s\nexport %s=%s\n", config.EnvBaseURL, reachable(listener.Addr()),
		config.EnvPublicKey, public, config.EnvPrivateKey, private, config.EnvWatch, strings.Join(targets, ","))
	a.err.printf("The simulator listens on %s; scenario %s, speed %s.\n"+
		"With the lines above in the environment, watch it: restorewatch loop --every 5s\nCtrl-C ends it.\n",
		listener.Addr(), publish.Line(o.scenario, 200), strconv.FormatFloat(o.speed, 'g', -1, 64))
	return serve(ctx, listener, server)
}

// stage makes the server play the scenario, and returns the targets in it.
func (o *simulation) stage(server *atlassim.Server, now time.Time) ([]string, error) {
	if o.scenario == "page" {
		server.SetJobs(atlassim.PageProject, atlassim.PageCluster, atlassim.PageExample())
		return []string{"legacy:" + atlassim.PageProject + "/" + atlassim.PageCluster}, nil
	}
	scenario, err := readScenario(o.scenario)
	if err != nil {
		return nil, err
	}
	server.Play(scenario, now, o.speed)
	return targetsOf(scenario, now), nil
}

// readScenario reads a file, or where there is none of that name, a scenario that comes with the program.
func readScenario(name string) (*atlassim.Scenario, error) {
	f, err := os.Open(name) //nolint:gosec // the user names the file, and can read it anyway
	if errors.Is(err, fs.ErrNotExist) && !strings.ContainsAny(name, `./\`) {
		return atlassim.Bundled(name)
	}
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	defer f.Close()
	s, err := atlassim.ParseScenario(f)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", publish.Line(name, 200), err)
	}
	return s, nil
}

func targetsOf(s *atlassim.Scenario, start time.Time) []string {
	var targets []string
	for _, c := range s.At(start, 0) {
		targets = append(targets, restore.Target{Source: restore.Legacy, Project: c.Project, Cluster: c.Name}.String())
	}
	return targets
}

// open listens. An address that others can reach wants a word: the simulator's key is printed in its documents.
func (o *simulation) open(ctx context.Context) (net.Listener, error) {
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, misuse(fmt.Sprintf("--listen %q: want HOST:PORT, such as 127.0.0.1:8080", publish.Line(o.listen, 100)))
	}
	if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() && !o.public {
		return nil, misuse(fmt.Sprintf("--listen %s: that is not loopback; --public says that others may reach the simulator",
			publish.Line(o.listen, 100)))
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; --listen 127.0.0.1:0 takes a free port", err)
	}
	return listener, nil
}

// reachable returns an address that a client on this machine can dial.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return a.String()
}

// serve answers requests until ctx is done.
func serve(ctx context.Context, listener net.Listener, sim *atlassim.Server) error {
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sim.ServeHTTP(w, r)
			sim.ResetRequests() // nobody reads the log, and a long show must not fill the memory
		}),
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
