package killtest

import (
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"restorewatch/internal/testserver"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "makes the lives and the scripts; 0 takes a fresh one")
	killsFlag = flag.Int("kills", 0, "kill the program so many times; 0 takes each test's own number")
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// seed returns the seed of a test and prints it.
func seed(t *testing.T) uint64 {
	s := *seedFlag
	if s == 0 {
		s = 1 + rand.Uint64N(1<<40)
	}
	t.Logf("seed %d", s)
	return s
}
