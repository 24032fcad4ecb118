package calculator_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/exampletest"
	"github.com/mittere/mittere/registry"
)

const (
	startServer = "go run ./examples/calculator/server --bind tcp://127.0.0.1:5555"
	startClient = "go run ./examples/calculator/client --server tcp://127.0.0.1:5555"
)

func TestTheProgramsPrintWhatTheReadmeShows(t *testing.T) {
	programs := exampletest.Build(t, "examples/calculator")
	server := exampletest.Start(t, filepath.Join(programs, "server"), "--bind", "tcp://127.0.0.1:*")
	endpoint := server.Endpoint()
	client := filepath.Join(programs, "client")

	want := exampletest.Shown(t, "README.md", startClient)
	if got := exampletest.Start(t, client, "--server", endpoint).Wait(); got != want {
		t.Errorf("the client printed\n%swant\n%s", got, want)
	}
	want = strings.Replace(want, "total: 42", "total: 84", 1)
	if got := exampletest.Start(t, client, "--server", endpoint).Wait(); got != want {
		t.Errorf("the client printed the second time\n%swant\n%s", got, want)
	}

	server.Interrupt()
	want = exampletest.Shown(t, "README.md", startServer) + "calculator drained\n"
	if got := strings.Replace(server.Wait(), endpoint, "tcp://127.0.0.1:5555", 1); got != want {
		t.Errorf("the server printed\n%swant\n%s", got, want)
	}
}

func TestTheProgramsMeetAtARegistry(t *testing.T) {
	programs := exampletest.Build(t, "examples/calculator")
	names := startRegistry(t)
	// The client is there first and waits.
	client := exampletest.Start(t, filepath.Join(programs, "client"), "--registry", names)
	server := exampletest.Start(t, filepath.Join(programs, "server"), "--registry", names)
	server.Endpoint()
	want := exampletest.Shown(t, "README.md", startClient)
	if got := client.Wait(); got != want {
		t.Errorf("the client printed\n%swant\n%s", got, want)
	}
	server.Interrupt()
	server.Wait()
}

// startRegistry runs a registry until the test ends, and returns where it is.
func startRegistry(t *testing.T) (endpoint string) {
	t.Helper()
	zmq, err := comm.NewContext()
	if err != nil {
		t.Fatal(err)
	}
	server, err := registry.NewServer(zmq, "tcp://127.0.0.1:*")
	if err != nil {
		t.Fatal(err, zmq.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := zmq.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.Endpoints()[0]
}
