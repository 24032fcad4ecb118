//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/exampletest"
	mdp "github.com/mittere/mittere/service/majordomo" // majordomo is the type of the tests around it
)

// The broker is python/majordomo/broker.py, which was written from the RFCs alone, or
// ours; clients and workers are of Go and of Python.
func TestTheGoClientAndWorkerJoinAMajordomoSystemOfPython(t *testing.T) {
	for name, test := range map[string]func(*testing.T, string){
		"a Go client has a Go worker":            testGoClientGoWorker,
		"a Go client has a Python worker":        testGoClientPythonWorker,
		"a Python client has a Go worker":        testPythonClientGoWorker,
		"the broker is another one after a kill": testPythonBrokerIsKilled,
		"mmi tells of a Go worker":               testMMIOfGoWorker,
	} {
		for _, version := range []string{"0.1", "0.2"} {
			t.Run(name+", "+version, func(t *testing.T) {
				t.Parallel() // they wait rather than work
				test(t, version)
			})
		}
	}
}

// The heartbeats of workers and brokers, of which 10 may be missing.
const (
	goHeartbeat   = 500 * time.Millisecond
	goHeartbeatMS = "500"
)

// goPeers are the clients and workers of this process, and the Python programs that they
// meet, all of one version.
type goPeers struct {
	*majordomo
	version string
	zmq     *comm.Context
}

// joinPython starts a Python broker.
func joinPython(t *testing.T, version string) *goPeers {
	t.Helper()
	zmq, err := comm.NewContext()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = zmq.Close() })
	p := &goPeers{&majordomo{t: t, endpoint: "tcp://127.0.0.1:*", heartbeat: goHeartbeat}, version, zmq}
	p.startPython()
	return p
}

// startPython starts a Python broker, where the last one was or at a free port.
func (p *goPeers) startPython() {
	p.t.Helper()
	p.broker = p.python("broker.py", []string{"--mdp", p.version, "--heartbeat", goHeartbeatMS, "--liveness", liveness})
	if _, err := fmt.Sscanf(p.broker.line(), "serves %s", &p.endpoint); err != nil {
		p.t.Fatal(err)
	}
}

// of returns the version.
func (p *goPeers) of() mdp.Option {
	if p.version == "0.2" {
		return mdp.WithVersion(mdp.V2)
	}
	return mdp.WithVersion(mdp.V1)
}

// goWorker runs a worker that signs what it is sent, until the test ends.
func (p *goPeers) goWorker(service, name string) {
	p.t.Helper()
	options := []mdp.WorkerOption{p.of(), mdp.WithHeartbeat(goHeartbeat, 10)}
	w, err := mdp.NewWorker(p.zmq, p.endpoint, service, func(_ context.Context, request [][]byte) ([][]byte, error) {
		return append(request, []byte(name)), nil
	}, options...)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	p.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
	})
	p.broker.await("registered " + service)
}

// goClient returns a client.
func (p *goPeers) goClient(options ...mdp.ClientOption) *mdp.Client {
	p.t.Helper()
	c, err := mdp.NewClient(p.zmq, p.endpoint, append([]mdp.ClientOption{p.of()}, options...)...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	return c
}

// wantReplies makes requests, and checks the parts and the replies.
func (p *goPeers) wantReplies(c *mdp.Client, parts int, sign string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testPatience)
	defer cancel()
	for i := range 100 {
		seen := 0
		count := func([][]byte) error { seen++; return nil }
		reply, err := c.RequestParts(ctx, "echo", count, fmt.Append(nil, i), []byte("\x00\xff"), nil)
		if got, want := fmt.Sprintf("%q", reply), fmt.Sprintf(`["%d" "\x00\xff" "" %q]`, i, sign); err != nil || got != want || seen != parts {
			p.t.Fatalf("%s after %d parts, %v; want %s", got, seen, err, want)
		}
	}
}

func testGoClientGoWorker(t *testing.T, version string) {
	p := joinPython(t, version)
	p.goWorker("echo", "go")
	p.wantReplies(p.goClient(), 0, "go")
}

func testGoClientPythonWorker(t *testing.T, version string) {
	p := joinPython(t, version)
	p.worker("echo", "w1", "--mdp", version)
	parts := map[string]int{"0.1": 0, "0.2": 2}[version]
	p.wantReplies(p.goClient(), parts, "w1")
}

func testPythonClientGoWorker(t *testing.T, version string) {
	p := joinPython(t, version)
	p.goWorker("echo", "go")
	client := p.send(version, "100", "echo", "hello {}", `\x00\xff`, "")
	for i := range 100 {
		client.want(fmt.Sprintf(`reply hello %d | \x00\xff |  | go`, i))
	}
	client.want("done")
	client.wantEnd()
}

func testPythonBrokerIsKilled(t *testing.T, version string) {
	p := joinPython(t, version)
	p.goWorker("echo", "go")
	c := p.goClient(mdp.WithTimeout(time.Second), mdp.WithRetries(50))
	p.wantReplies(c, 0, "go")
	_ = p.broker.command.Process.Kill()
	p.broker.end()
	p.startPython()
	p.wantReplies(c, 0, "go")
}

// testMMIOfGoWorker has our broker, which knows more of its workers.
func testMMIOfGoWorker(t *testing.T, version string) {
	p := joinPython(t, version)
	p.broker.end()
	p.binary = filepath.Join(exampletest.Build(t, "cmd/mittere"), "mittere")
	p.start()
	w, err := mdp.NewWorker(p.zmq, p.endpoint, "echo", func(_ context.Context, r [][]byte) ([][]byte, error) { return r, nil },
		p.of(), mdp.WithRoutingID("go"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	p.awaitService("200", "echo")
	p.wantMMI("go", "mmi.workers", "echo")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	p.awaitService("404", "echo")
}
