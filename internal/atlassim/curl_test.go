package atlassim_test

import (
	"bytes"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"restorewatch/internal/atlassim"
)

// curl runs the real program, whose digest is not ours.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("curl")
	if err != nil {
		t.Fatalf("%v; install it: apt-get install curl, or brew install curl", err)
	}
	// --disable has to come first: whoever runs the test may have a .curlrc.
	cmd := exec.CommandContext(t.Context(), program, append([]string{"--disable", "-sS", "--noproxy", "*", "--max-time", "20"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("curl %q: %v: %s", args, err, &stderr)
	}
	return string(out)
}

func serve(t *testing.T, sim *atlassim.Server) (base string) {
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return server.URL
}

const user = atlassim.DefaultPublicKey + ":" + atlassim.DefaultPrivateKey

func statuses(sim *atlassim.Server) (got []int) {
	for _, r := range sim.Requests() {
		got = append(got, r.Status)
	}
	return got
}

func TestCurlFollowsNext(t *testing.T) {
	sim := simulate(25)
	var got []string
	for at := serve(t, sim) + jobs + "?itemsPerPage=10"; at != ""; {
		l := decode[listing](t, []byte(curl(t, "--digest", "--user", user, at)))
		got = append(got, l.ids()...)
		at = l.link("next")
	}
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != 25 {
		t.Errorf("%d different jobs, want 25", n)
	}
	if want := []int{401, 200, 401, 200, 401, 200}; !slices.Equal(statuses(sim), want) {
		t.Errorf("statuses %v, want %v", statuses(sim), want)
	}
}

// While it follows a redirect, curl keeps the nonce and counts on.
func TestCurlReusesTheNonce(t *testing.T) {
	sim := simulate(3)
	at := serve(t, sim) + jobs
	sim.FailNext(2, atlassim.Redirect(at))
	curl(t, "--digest", "--location", "--user", user, at+"?pageNum=2")
	if want := []int{401, 302, 302, 200}; !slices.Equal(statuses(sim), want) {
		t.Errorf("statuses %v, want %v", statuses(sim), want)
	}
}

// A nonce that is no longer taken makes curl take the new one and ask again.
func TestCurlRecoversFromAStaleNonce(t *testing.T) {
	sim := simulate(3)
	sim.NonceUses = 1
	at := serve(t, sim) + jobs
	sim.FailNext(1, atlassim.Redirect(at))
	out := curl(t, "--digest", "--location", "--user", user, at+"?pageNum=2")
	if want := []int{401, 302, 401, 200}; !slices.Equal(statuses(sim), want) {
		t.Errorf("statuses %v, want %v", statuses(sim), want)
	}
	if l := decode[listing](t, []byte(out)); len(l.Results) != 3 {
		t.Errorf("%d jobs in %s", len(l.Results), out)
	}
}

// A wrong password ends after one try: the challenge that follows is not stale.
func TestCurlWithWrongPassword(t *testing.T) {
	sim := simulate(1)
	at := serve(t, sim) + jobs
	out := curl(t, "--digest", "--user", "simkey:wrong", "--write-out", "\n%{http_code}", at)
	if !strings.HasSuffix(out, "\n401") || !strings.Contains(out, `"errorCode": "UNEXPECTED_ERROR"`) {
		t.Errorf("curl says %s", out)
	}
	if want := []int{401, 401}; !slices.Equal(statuses(sim), want) {
		t.Errorf("statuses %v, want %v", statuses(sim), want)
	}
}

// The request that the page shows, with the page's own answer.
func TestCurlAsOnThePage(t *testing.T) {
	sim := new(atlassim.Server)
	sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, atlassim.PageExample())
	at := serve(t, sim) + "/api/atlas/v1.0/groups/" + atlassim.PageProject + "/clusters/Cluster0/restoreJobs?pretty=true"
	out := curl(t, "--user", user, "--digest", "--header", "Accept: application/json",
		"--header", "Content-Type: application/json", "--include", "-X", "GET", at)
	_, body, _ := strings.Cut(out[strings.LastIndex(out, "HTTP/1.1 "):], "\r\n\r\n")
	if l := decode[listing](t, []byte(body)); len(l.Results) != 3 || *l.TotalCount != 3 {
		t.Errorf("curl shows %s", out)
	}
}
