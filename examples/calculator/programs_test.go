package calculator_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/exampletest"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
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

// A stream that nobody reads holds up the drain.
func TestTheServerDoesNotWaitForWhoInterruptsItAgain(t *testing.T) {
	server := exampletest.Start(t, filepath.Join(exampletest.Build(t, "examples/calculator"), "server"), "--bind", "tcp://127.0.0.1:*")
	client, err := service.NewClient(newContext(t), "calculator", service.FromEndpoints(server.Endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, err := range calculatorv1mittere.NewCalculatorServiceClient(client).Primes(ctx, &calculatorv1.PrimesRequest{Limit: 1 << 62}) {
		if err != nil {
			t.Fatal(err)
		}
		server.Insist()
		break
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

func TestTheServerWaitsForARegistryWhoseNameIsNotKnown(t *testing.T) {
	const names = "tcp://registry.invalid:5000"
	programs := exampletest.Build(t, "examples/calculator")
	for _, more := range [][]string{nil, {"--bind", "tcp://*:*"}} {
		server := exampletest.Start(t, filepath.Join(programs, "server"), append(more, "--registry", names)...)
		if got := server.Line(); got != "calculator looks for a way to "+names {
			t.Errorf("with %q the server says %q", more, got)
		}
		server.Interrupt()
		server.Wait()
	}
}

func TestTheProgramsMeetAtABroker(t *testing.T) {
	programs := exampletest.Build(t, "examples/calculator")
	endpoint := startBroker(t)
	// The client is there first and waits.
	client := exampletest.Start(t, filepath.Join(programs, "client"), "--broker", endpoint)
	server := exampletest.Start(t, filepath.Join(programs, "server"), "--broker", endpoint)
	want := exampletest.Shown(t, "README.md", startClient)
	if got := client.Wait(); got != want {
		t.Errorf("the client printed\n%swant\n%s", got, want)
	}
	server.Interrupt()
	want = "calculator behind " + endpoint + "\ncalculator drained\n"
	if got := server.Wait(); got != want {
		t.Errorf("the server printed\n%swant\n%s", got, want)
	}
}

// startRegistry runs a registry until the test ends, and returns where it is.
func startRegistry(t *testing.T) (endpoint string) {
	t.Helper()
	zctx := newContext(t)
	server, err := registry.NewServer(zctx, "tcp://127.0.0.1:*")
	if err != nil {
		t.Fatal(err)
	}
	run(t, server.Run, server.Close)
	return server.Endpoints()[0]
}

// startBroker runs a broker until the test ends, and returns where it is.
func startBroker(t *testing.T) (endpoint string) {
	t.Helper()
	zctx := newContext(t)
	b, err := broker.New(zctx, "tcp://127.0.0.1:*")
	if err != nil {
		t.Fatal(err)
	}
	run(t, b.Run, b.Close)
	return b.Endpoints()[0]
}

// newContext returns a context that is closed when the test ends.
func newContext(t *testing.T) *comm.Context {
	t.Helper()
	zctx, err := comm.NewContext()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := zctx.Close(); err != nil {
			t.Error(err)
		}
	})
	return zctx
}

// run runs something until the test ends, and then closes it.
func run(t *testing.T, run func(context.Context) error, shut func() error) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		if err := shut(); err != nil {
			t.Error(err)
		}
	})
}
