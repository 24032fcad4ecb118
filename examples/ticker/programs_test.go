package ticker_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mittere/mittere/examples/exampletest"
)

const (
	startServer = "go run ./examples/ticker/server --bind tcp://127.0.0.1:5556"
	startClient = "go run ./examples/ticker/client --server tcp://127.0.0.1:5556 --interval 100ms --count 5"
)

func TestTheProgramsPrintWhatTheReadmeShows(t *testing.T) {
	programs := exampletest.Build(t, "examples/ticker")
	server := exampletest.Start(t, filepath.Join(programs, "server"), "--bind", "tcp://127.0.0.1:*")
	endpoint := server.Endpoint()
	client := filepath.Join(programs, "client")

	want := exampletest.Shown(t, "README.md", startClient)
	if got := exampletest.Start(t, client, "--server", endpoint, "--interval", "100ms", "--count", "5").Wait(); got != want {
		t.Errorf("the client printed\n%swant\n%s", got, want)
	}

	// An end at the reader's side.
	endless := exampletest.Start(t, client, "--server", endpoint, "--interval", "10ms")
	for range 3 {
		endless.Line()
	}
	endless.Interrupt()
	lines := strings.Split(strings.TrimSpace(endless.Wait()), "\n")
	if got, want := lines[len(lines)-1], fmt.Sprintf("cancelled after %d ticks", len(lines)-1); got != want {
		t.Errorf("the last line is %q, want %q", got, want)
	}

	server.Interrupt()
	want = exampletest.Shown(t, "README.md", startServer) + "ticker drained\n"
	if got := strings.Replace(server.Wait(), endpoint, "tcp://127.0.0.1:5556", 1); got != want {
		t.Errorf("the server printed\n%swant\n%s", got, want)
	}
}

func TestAServerEndsThoughItsStreamsWouldNot(t *testing.T) {
	programs := exampletest.Build(t, "examples/ticker")
	server := exampletest.Start(t, filepath.Join(programs, "server"), "--bind", "tcp://127.0.0.1:*")
	endpoint := server.Endpoint()
	// One stream whose server waits for the time, and one whose server waits for
	// the reader, who rests for longer than the test lasts.
	quick := exampletest.Start(t, filepath.Join(programs, "client"), "--server", endpoint, "--interval", "1h")
	quick.Line()
	slow := exampletest.Start(t, filepath.Join(programs, "client"),
		"--server", endpoint, "--interval", "1ms", "--window", "1", "--pause", "1h")
	slow.Line()
	server.Interrupt()
	server.Wait()
}
