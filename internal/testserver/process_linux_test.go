package testserver

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestServerEndsWithABinaryThatCrashes runs this test binary as a child that starts moto, says where it is and then
// crashes on a word from us, past every TestMain.
func TestServerEndsWithABinaryThatCrashes(t *testing.T) {
	const crash = "TESTSERVER_CRASH"
	if os.Getenv(crash) != "" {
		os.Stdout.WriteString(strings.TrimPrefix(Moto(t), "http://"))
		os.Stdout.Close()
		io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), crash+"=1")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := io.ReadAll(stdout)
	if err != nil {
		t.Fatal(err)
	}
	// The server holds the connection open for as long as it lives, since we ask nothing.
	connection, err := net.Dial("tcp", string(address))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	stdin.Close()
	if exit := new(exec.ExitError); !errors.As(child.Wait(), &exit) || exit.ExitCode() != 3 {
		t.Errorf("child ended with %v, want its crash", exit)
	}
	connection.SetReadDeadline(time.Now().Add(patience))
	if _, err := connection.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the server at %s outlives the binary that started it", address)
	}
}
