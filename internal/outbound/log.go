package outbound

import (
	"bytes"
	"io"
	"log" //nolint:depguard // net/http writes to it, and that is what is to be read here
)

// GuardLog sends what the standard logger is told to w, but for what it is told of the content of an answer: net/http
// quotes there what a connection holds after the end of an answer, such as the rest of a listing whose Content-Length is
// too small. main calls it once.
func GuardLog(w io.Writer) { log.SetOutput(guarded{w}) }

type guarded struct{ next io.Writer }

// unsolicited begins the line of net/http that goes on with what a server sent.
var unsolicited = []byte("Unsolicited response received")

// Write implements io.Writer, a line at a time as log calls it.
func (g guarded) Write(line []byte) (int, error) {
	told := line
	if before, _, found := bytes.Cut(line, unsolicited); found {
		told = append(bytes.Clone(before), "a server sent more than its answer: the connection is closed\n"...)
	}
	if _, err := g.next.Write(told); err != nil {
		return 0, err
	}
	return len(line), nil
}
