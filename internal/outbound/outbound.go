// Package outbound has what every HTTP client of the programs shares: bounds for what a server may send, and errors and
// logs that repeat nothing of it.
//
// net/http quotes what it cannot read: a status line, a header line, a redirect's address, the bytes that follow an
// answer. Whatever a server sends may be a download link that opens a backup, or a credential that the server repeats, so
// none of it may get into an error, which is published, or into a log.
package outbound

import (
	"errors"
	"io"
	"net/http"
)

// MaxHeader is the most that an answer's header may have, in bytes; all 1xx answers before it and the trailer after it
// count by themselves. The default of net/http is 10 MB.
const MaxHeader = 64 << 10

// Transport returns a transport for a receiver whose answer is a word. It asks for no compression: 64 KiB of gzip can
// hold 64 MiB.
func Transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxResponseHeaderBytes = MaxHeader
	t.DisableCompression = true
	return t
}

// A Doer sends a request, as *http.Client does.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Limited returns a Doer whose answers have bodies of at most most bytes, unpacked, and whose errors are those that Reason
// gives. What is longer is an error where it is read.
func Limited(next Doer, most int64) Doer { return limited{next, most} }

type limited struct {
	Doer
	most int64
}

// Do implements Doer.
func (l limited) Do(req *http.Request) (*http.Response, error) {
	res, err := l.Doer.Do(req)
	if err != nil {
		return nil, Reason(err)
	}
	if res.Body != nil {
		res.Body = &limitedBody{res.Body, l.most}
	}
	return res, nil
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

var errTooLong = errors.New("the answer is longer than any that is foreseen")

// Read implements io.Reader.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLong
	}
	if int64(len(p)) > b.left+1 { // one more, to see whether there is more
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return max(n-1, 0), errTooLong
	}
	if err != nil && err != io.EOF { //nolint:errorlint // a body ends with io.EOF itself; one that wraps it broke off
		err = Reason(err)
	}
	return n, err
}
