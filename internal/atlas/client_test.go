package atlas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"restorewatch/internal/restore"
)

func TestBaseURL(t *testing.T) {
	for base, word := range map[string]string{
		"https://cloud.mongodb.com":      "",
		"https://cloud.mongodb.com/":     "",
		"https://opsmanager.test:8443":   "",
		"http://127.0.0.1:8080":          "",
		"http://127.8.9.1":               "",
		"http://[::1]:8080":              "",
		"http://localhost:1":             "",
		"":                               "it is empty",
		"cloud.mongodb.com":              "scheme must be https",
		"ftp://cloud.mongodb.com":        "scheme must be https",
		"https://":                       "no host",
		"http://cloud.mongodb.com":       "http is allowed on loopback only",
		"http://127.0.0.1.evil.test":     "http is allowed on loopback only",
		"http://10.0.0.1":                "http is allowed on loopback only",
		"https://user:CANARY@host.test":  "must not hold credentials",
		"https://host.test/api":          "scheme and host only",
		"https://host.test?CANAR=1":      "scheme and host only",
		"https://host.test/#x":           "scheme and host only",
		"https://us er:CANARY@host.test": "not a URL",
	} {
		_, err := New(Options{BaseURL: base, Keys: StaticKey("a", "b")})
		switch {
		case word == "" && err != nil:
			t.Errorf("%q: %v", base, err)
		case word != "" && (err == nil || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "CANARY")):
			t.Errorf("%q: error %v, want %q", base, err, word)
		}
	}
	if _, err := New(Options{BaseURL: "https://host.test"}); err == nil || !strings.Contains(err.Error(), "API key") {
		t.Errorf("without keys: %v", err)
	}
}

func TestKeyCannotBePrinted(t *testing.T) {
	for _, ring := range []Keyring{StaticKey(publicKey, private), StaticClient(publicKey, private)} {
		cannotBePrinted(t, ring)
	}
}

func cannotBePrinted(t *testing.T, ring Keyring) {
	t.Helper()
	key, _ := ring.Key(t.Context())
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", key, "in", struct{ K Key }{key})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key, "in", struct{ K Key }{key})
	inJSON, err := json.Marshal(map[string]any{"k": key, "p": &key})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{log.String(), string(inJSON)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, key), fmt.Sprintf(verb, &key), fmt.Sprintf(verb, []Key{key}))
	}
	for _, text := range texts {
		if strings.Contains(text, "CANARY") || strings.Contains(text, fmt.Sprintf("%x", "CANARY")) || !strings.Contains(text, "REDACTED") {
			t.Errorf("printed as %q", text)
		}
	}
	hidden := fmt.Sprintf("%v %+v %#v", struct{ k Keyring }{ring}, newClient(t, nil), newClient(t, nil))
	if strings.Contains(hidden, "CANARY") {
		t.Errorf("printed as %s", hidden)
	}
}

// What opens a backup, and the key, appear in nothing that the client hands out, whatever the API answers.
func TestCanaries(t *testing.T) {
	good := jobJSON(id(1), "FINISHED")
	bodies := []string{
		pageJSON("", good),
		pageJSON("https://CANARY-url/?authValue=CANARY-auth&pageNum=1", good),
		pageJSON("https://CANARY-url/", good),
		pageJSON("", good)[:700],
		pageJSON("", strings.Replace(good, `"statusName":"FINISHED"`, `"statusName":["CANARY-url"]`, 1)),
		pageJSON("", strings.Replace(good, `"url"`, `"unknown\`, 1)),
		pageJSON("", good, strings.Replace(good, "FINISHED", "BROKEN", 1)),
		strings.Replace(pageJSON("", good), "results", "result", 1),
		good, "[" + good + "]", `"https://CANARY-url/"`, "https://CANARY-url/ CANARY", "<a href='https://CANARY-url/x'>",
		`{"errorCode":"X","detail":"see https://CANARY-url/CANARY-path and https://CANARY-urlV2"}`,
	}
	for _, status := range []int{200, 302, 400, 401, 403, 404, 500} {
		for i, body := range bodies {
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "https://CANARY-url/?x")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			})
			c := newClient(t, &guard{next: h})
			pages, err := list(t.Context(), c, target, 100)
			job, errOne := c.RestoreJob(t.Context(), target, restore.JobID(id(1)))
			out := []string{fmt.Sprintf("%v %+v %#v %v", pages, pages, job, c)}
			for _, err := range []error{err, errOne} {
				if e, ok := err.(*Error); ok {
					out = append(out, e.Error(), e.Hint(), fmt.Sprintf("%+v %v", *e, e.Unwrap()))
				}
			}
			for _, text := range out {
				// The bare words stand for prose, and for the host that a redirect is refused to.
				text = strings.ReplaceAll(text, "CANARY-url)", "")
				if at := strings.Index(text, "CANARY-"); at >= 0 {
					t.Errorf("status %d, body %d: %.300s", status, i, text[max(at-100, 0):])
				}
			}
		}
	}
}

func TestUnchangedPageIsNotDecodedAgain(t *testing.T) {
	body, decoded := []byte("one"), 0
	decode := func([]byte) (page, error) {
		decoded++
		return page{jobs: []restore.Job{{ID: restore.JobID(fmt.Sprint(decoded))}}}, nil
	}
	c := newCache()
	for _, step := range []struct {
		body string
		key  cacheKey
		want int
	}{
		{"one", cacheKey{target: target}, 1}, {"one", cacheKey{target: target}, 1},
		{"two", cacheKey{target: target}, 2}, {"two", cacheKey{target: target}, 2},
		{"one", cacheKey{target: target}, 3}, {"one", cacheKey{target, "pageNum=1"}, 4},
		{"one", cacheKey{target: target}, 3},
	} {
		p, err := c.decode(step.key, append(body[:0], step.body...), decode)
		if err != nil || p.jobs[0].ID != restore.JobID(fmt.Sprint(step.want)) {
			t.Errorf("%v: decoding %v, %v", step, p.jobs, err)
		}
	}
	broken := func([]byte) (page, error) { return page{}, io.ErrUnexpectedEOF }
	for range 2 {
		if _, err := c.decode(cacheKey{target, "bad"}, body, broken); err == nil {
			t.Error("an error was remembered as a page")
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache()
	for n := range 100 {
		c.put(cacheKey{query: fmt.Sprint(n)}, cached{size: 1 << 20})
		c.put(cacheKey{query: "huge"}, cached{size: maxCached + 1})
		total := 0
		for _, entry := range c.pages {
			total += entry.size
		}
		if total != c.size || total > maxCached {
			t.Fatalf("%d bytes, counted %d", total, c.size)
		}
		if _, ok := c.pages[cacheKey{query: fmt.Sprint(n)}]; !ok {
			t.Fatalf("page %d was not kept", n)
		}
	}
}

// The decoded page in the cache stays whole, whatever a caller does with the slices it was given.
func TestCachedJobsAreSafeToAppendTo(t *testing.T) {
	c := newClient(t, serve(pageJSON("", jobs(1, 2, 2)...)))
	for range 2 {
		pages, err := list(t.Context(), c, target, 100)
		if err != nil || ids(pages) != "0001 0002" {
			t.Fatalf("got %s, %v", ids(pages), err)
		}
		if more := append(pages[0], restore.Job{ID: "x"}); !slices.ContainsFunc(more, func(j restore.Job) bool { return j.ID == "x" }) {
			t.Fatal("append")
		}
	}
}
