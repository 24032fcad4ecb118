//go:build interop

package interop_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mittere/mittere/examples/exampletest"
)

// runsPython is the command of the example's README.
const runsPython = ".venv/bin/python examples/python/calculator.py tcp://127.0.0.1:5555"

func TestThePythonClientPrintsWhatItsReadmeShows(t *testing.T) {
	programs := exampletest.Build(t, "examples/calculator")
	server := exampletest.Start(t, filepath.Join(programs, "server"), "--bind", "tcp://127.0.0.1:*")
	endpoint := server.Endpoint()

	client := exampletest.Start(t, os.Getenv(pythonVariable), "-B", filepath.Join(pythonExample, "calculator.py"), endpoint)
	want := exampletest.Shown(t, filepath.Join(pythonExample, "README.md"), runsPython)
	if got := client.Wait(); got != want {
		t.Errorf("the Python client printed\n%swant\n%s", got, want)
	}

	// It said goodbye, so that the server has nobody to wait for.
	server.Interrupt()
	server.Wait()
}
