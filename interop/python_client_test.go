//go:build interop

package interop_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/exampletest"
	"github.com/mittere/mittere/service/broker"
)

// runsPython is the command of the example's README.
const runsPython = ".venv/bin/python examples/python/calculator.py tcp://127.0.0.1:5555"

func TestThePythonClientPrintsWhatItsReadmeShows(t *testing.T) {
	programs := exampletest.Build(t, "examples/calculator")
	server := exampletest.Start(t, filepath.Join(programs, "server"), "--bind", "tcp://127.0.0.1:*")
	runPythonClient(t, server.Endpoint())

	// It said goodbye, so that the server has nobody to wait for.
	server.Interrupt()
	server.Wait()
}

func TestThePythonClientPrintsTheSameBehindABroker(t *testing.T) {
	endpoint := startBroker(t)
	programs := exampletest.Build(t, "examples/calculator")
	worker := exampletest.Start(t, filepath.Join(programs, "server"), "--broker", endpoint)
	runPythonClient(t, endpoint)

	worker.Interrupt()
	worker.Wait()
}

// startBroker runs a broker until the test ends, and returns where it is.
func startBroker(t *testing.T) string {
	t.Helper()
	zmq, err := comm.NewContext()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { report(t, zmq.Close()) })
	b, err := broker.New(zmq, "tcp://127.0.0.1:*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { report(t, b.Close()) })
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	running.Go(func() { report(t, b.Run(t.Context())) }) // ends before the clean-up begins
	return b.Endpoints()[0]
}

// report notes an error, if there is one.
func report(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// runPythonClient runs the client to its end, and compares what it prints.
func runPythonClient(t *testing.T, endpoint string) {
	t.Helper()
	client := exampletest.Start(t, os.Getenv(pythonVariable), "-B", filepath.Join(pythonExample, "calculator.py"), endpoint)
	want := exampletest.Shown(t, filepath.Join(pythonExample, "README.md"), runsPython)
	if got := client.Wait(); got != want {
		t.Errorf("the Python client printed\n%swant\n%s", got, want)
	}
}
