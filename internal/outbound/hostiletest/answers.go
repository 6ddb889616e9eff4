package hostiletest

import (
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"time"
)

// Canary stands in every answer where an error or a log could repeat it.
const Canary = "CANARY"

// An Answer is one thing that no server should send.
type Answer struct {
	Name string
	// Write sends it, without end or to its end. It returns when the client is gone.
	Write func(w io.Writer)
	// Slow says that it takes the client's whole time.
	Slow bool
	// Keep says that the connection stays open.
	Keep bool
}

const (
	begin = "HTTP/1.1 200 OK\r\n"
	json  = begin + "Content-Type: application/json\r\n"
	// enough is more than any client should take.
	enough = 20 << 20
)

// Answers returns all of them.
func Answers() []Answer {
	return append(append(headers(), bodies()...), values()...)
}

// headers are about what stands before the body.
func headers() []Answer {
	return []Answer{
		{Name: "header line without end", Write: endless(begin+"X: ", strings.Repeat(Canary, 700))},
		{Name: "header lines without end", Write: endless(begin, "X-"+Canary+": "+strings.Repeat("x", 1000)+"\r\n")},
		{Name: "empty header lines without end", Write: endless(begin, "X:\r\n")},
		{Name: "cookies without end", Write: endless(begin, "Set-Cookie: "+Canary+"=1\r\n")},
		{Name: "challenges without end", Write: endless("HTTP/1.1 401 No\r\n", `Www-Authenticate: Digest realm="`+Canary+`"`+"\r\n")},
		{Name: "100 without end", Write: endless("", "HTTP/1.1 100 Continue\r\n\r\n")},
		{Name: "103 without end", Write: endless("", "HTTP/1.1 103 Early Hints\r\nLink: </"+Canary+">\r\n\r\n")},
		{Name: "199 without end", Write: endless("", "HTTP/1.1 199 "+Canary+"\r\n\r\n")},
		{Name: "status line without end", Write: endless("HTTP/1.1 200 ", Canary)},
		{Name: "no line end at all", Write: endless("", Canary)},
		{Name: "no HTTP", Write: text(Canary + "\r\n\r\n")},
		{Name: "HTTP/2", Write: text("\x00\x00\x12\x04\x00\x00\x00\x00\x00" + Canary + "\r\n\r\n")},
		{Name: "HTTP of another time", Write: text("HTTP/9.9 200 " + Canary + "\r\n\r\n")},
		{Name: "a status of none", Write: text("HTTP/1.1 " + Canary + " OK\r\n\r\n")},
		{Name: "101", Write: text("HTTP/1.1 101 Switching Protocols\r\nUpgrade: " + Canary + "\r\nConnection: Upgrade\r\n\r\n" + Canary)},
		{Name: "two lengths", Write: text(begin + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + Canary)},
		{Name: "a length below nothing", Write: text(begin + "Content-Length: -1\r\n\r\n" + Canary)},
		{Name: "nothing", Write: text("")},
		{Name: "silence", Slow: true, Write: trickle("", "", time.Hour)},
		{Name: "a header by the second", Slow: true, Write: trickle(begin, "X: "+strings.Repeat("x", 5000), time.Second)},
	}
}

// bodies are about how much it is.
func bodies() []Answer {
	return []Answer{
		{Name: "a body by the second", Slow: true, Write: trickle(json+"Content-Length: 5000\r\n\r\n[", strings.Repeat(" ", 5000), time.Second)},
		{Name: "chunks by the second", Slow: true, Write: trickle(json+"Transfer-Encoding: chunked\r\n\r\n", strings.Repeat("1\r\n \r\n", 5000), time.Second)},
		{Name: "chunks without end", Write: endless(json+"Transfer-Encoding: chunked\r\n\r\n", "400\r\n"+strings.Repeat(" ", 1024)+"\r\n")},
		{Name: "small chunks without end", Write: endless("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n", strings.Repeat("1\r\n \r\n", 100))},
		{Name: "a chunk's extension without end", Write: endless(json+"Transfer-Encoding: chunked\r\n\r\n1;", Canary)},
		{Name: "a chunk that is none", Write: text(json + "Transfer-Encoding: chunked\r\n\r\n" + Canary + "\r\n")},
		{Name: "a trailer without end", Write: endless(json+"Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\n{}\r\n0\r\n", "X: "+Canary+"\r\n")},
		{Name: "a body without end", Write: endless(json+"\r\n", strings.Repeat(" ", 1024))},
		{Name: "an error without end", Write: endless("HTTP/1.1 500 No\r\n\r\n", strings.Repeat(" ", 1024))},
		{Name: "a length of exabytes", Write: text(json + "Content-Length: 9223372036854775807\r\n\r\n{")},
		{Name: "a length that is too large", Write: text(json + "Content-Length: 1000\r\n\r\n{}")},
		{Name: "a length that is too small", Keep: true, Write: text(json + "Content-Length: 2\r\n\r\n{}{\"url\":\"https://" + Canary + "/\"}")},
		{Name: "another answer behind it", Keep: true, Write: text(json + "Content-Length: 2\r\n\r\n{}" + json + "Content-Length: 8\r\n\r\n\"" + Canary + "\"")},
		{Name: "gzip that is none", Write: text(json + "Content-Encoding: gzip\r\nContent-Length: 6\r\n\r\n" + Canary)},
		{Name: "gzip that does not end", Write: bomb(1, enough)},
		{Name: "gzip in gzip", Write: bomb(2, enough)},
	}
}

// values are about what it means.
func values() []Answer {
	page := func(name, body string) Answer { return Answer{Name: name, Write: text(sized(body)), Keep: true} }
	const many = 200_000
	return []Answer{
		page("arrays in arrays", `{"results":`+strings.Repeat("[", 100_000)),
		page("objects in objects", strings.Repeat(`{"results":`, 100_000)),
		page("too many values", `{"results":[`+strings.Repeat("1,", many)+`1]}`),
		page("too many objects", `{"results":[`+strings.Repeat("{},", many)+`{}]}`),
		page("too many hashes", `{"results":[{"id":"a","hashes":[`+strings.Repeat("{},", many)+`{}]}]}`),
		page("too many names", `{`+strings.Repeat(`"`+Canary+`":0,`, many)+`"a":0}`),
		page("too many links", `{"links":[`+strings.Repeat("{},", many)+`{}],"results":[]}`),
		page("a number of many digits", `{"results":[{"id":"a","delivery":{"maxDownloads":`+strings.Repeat("9", many)+`}},7]}`),
		page("a number beyond all", `{"results":[{"id":"a","delivery":{"expirationHours":1e999999999}},7]}`),
		page("a name without an end", `{"results":[{"id":"`+strings.Repeat("a", many)+`"}]}`),
		page("no UTF-8", "{\"results\":[{\"id\":\"\xff\xfe"+Canary+"\x80\"}]}"),
		page("half a surrogate", `{"results":[{"id":"\ud800`+Canary+`"}]}`),
		page("an id with escapes", `{"results":[{"id":"\u001b]0;`+Canary+`\u0007"}]}`),
		page("the other type everywhere", `{"results":{"links":[],"id":{},"`+Canary+`":[]}}`),
		page("a page that leads to itself", `{"links":[{"rel":"next","href":"?pageNum=1&`+Canary+`"}],"results":[{"id":"`+Canary+`\n"}]}`),
	}
}

func sized(body string) string {
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", json, len(body), body)
}

func text(s string) func(io.Writer) {
	return func(w io.Writer) { _, _ = io.WriteString(w, s) } // the client may be gone
}

// endless sends before and then, again and again, what follows.
func endless(before, again string) func(io.Writer) {
	again = strings.Repeat(again, (64<<10)/len(again)+1)
	return func(w io.Writer) {
		_, err := io.WriteString(w, before)
		for sent := 0; err == nil && sent < enough; sent += len(again) {
			_, err = io.WriteString(w, again)
		}
	}
}

// trickle sends before at once and the rest byte by byte.
func trickle(before, rest string, pause time.Duration) func(io.Writer) {
	return func(w io.Writer) {
		_, err := io.WriteString(w, before)
		for i := 0; err == nil && i <= len(rest); i++ {
			time.Sleep(pause)
			_, err = io.WriteString(w, rest[i:min(i+1, len(rest))])
		}
	}
}

// bomb sends zeros, packed that many times.
func bomb(times int, size int64) func(io.Writer) {
	return func(w io.Writer) {
		if _, err := io.WriteString(w, json+"Content-Encoding: gzip\r\n\r\n"); err != nil {
			return
		}
		for range times {
			z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that there is
			defer z.Close()
			w = z
		}
		_, _ = io.CopyN(w, zeros{}, size) // the client may be gone
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
