//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/exampletest"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
	mdp "github.com/mittere/mittere/service/majordomo" // majordomo is the type of other tests
)

// The peers are the Python programs in python/pirate: of RFC 6 and the guide's chapter,
// and of both layers of dīvidere's load balancing. They meet a broker in this process.
func TestTheBrokerServesPiratesOfPython(t *testing.T) {
	for name, test := range map[string]func(*testing.T, *pirates){
		"Lazy Pirate gets its own frames back":                        testLazyPirate,
		"clients are more than workers, of all kinds":                 testMorePiratesThanWorkers,
		"request of a worker that is killed goes to another":          testKilledPirate,
		"request of a Simple Pirate that is killed goes to another":   testKilledSimplePirate,
		"request of a worker that is paused goes to another":          testStoppedPirate,
		"worker comes back to a broker that began anew":               testPiratesOfTwoBrokers,
		"worker that has heartbeats is heard while it is busy":        testBusyPirate,
		"Majordomo worker serves pirates, and a pirate its clients":   testPiratesAndMajordomo,
		"dīvidere's client has dīvidere's server":                     testDividereServer,
		"dīvidere's client has dīvidere's worker of bytes":            testDividereWorker,
		"dīvidere's clients are more than its servers":                testMoreDividereClients,
		"request of dīvidere's server that is killed goes to another": testKilledDividereServer,
		"request of dīvidere's worker that is killed goes to another": testKilledDividereWorker,
		"dīvidere's server comes back to a broker that began anew":    testDividereOfTwoBrokers,
		"dīvidere's server that leaves a request unanswered":          testForgetfulDividere,
		"dīvidere's dealers serve without heartbeats":                 testDividereDealers,
		"dīvidere's client has a worker of RFC 6":                     testDividereClientPirateWorker,
		"dīvidere's client has a Majordomo worker of Go":              testDividereClientMajordomoWorker,
		"dīvidere's client has a typed worker of Go":                  testDividereClientNativeWorker,
		"typed client of Go has dīvidere's server":                    testNativeClientDividereServer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait rather than work
			p := &pirates{t: t, main: "tcp://127.0.0.1:*", front: "tcp://127.0.0.1:*", back: "tcp://127.0.0.1:*"}
			p.heartbeat = rare
			test(t, p)
		})
	}
}

// pirates is a broker with a pair of sockets for the service echo, and the programs
// around it.
type pirates struct {
	t                 *testing.T
	main, front, back string
	heartbeat         time.Duration // of the broker and its workers, of which 10 may be missing
	stop              func()        // the broker
}

// start starts a broker, where the last one was or at free ports.
func (p *pirates) start() {
	p.t.Helper()
	zmq, err := comm.NewContext()
	if err != nil {
		p.t.Fatal(err)
	}
	b, err := broker.New(zmq, p.main, broker.WithPirate(p.front, p.back, "echo"),
		broker.WithHeartbeat(p.heartbeat, 10), broker.WithDrainTimeout(0), broker.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		p.t.Fatal(err)
	}
	pair := b.Pirates()[0]
	p.main, p.front, p.back = b.Endpoints()[0], pair.Front[0], pair.Back[0]
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
		if err := b.Close(); err != nil {
			p.t.Error(err)
		}
		if err := zmq.Close(); err != nil {
			p.t.Error(err)
		}
	})
	p.t.Cleanup(p.stop)
}

// python starts one of the programs.
func (p *pirates) python(name string, arguments ...string) *program {
	p.t.Helper()
	all := append([]string{"-B", filepath.Join("python", "pirate", name)}, arguments...)
	started := newProgram(p.t, os.Getenv(pythonVariable), all...)
	started.command.Stderr = &started.errors
	return started.start(started.command.StdoutPipe)
}

// worker starts a worker that signs what it is sent, and waits until it is ready.
func (p *pirates) worker(program, sign string, options ...string) *program {
	p.t.Helper()
	if program == "ppworker.py" {
		options = append(options, "--heartbeat", strconv.FormatInt(p.heartbeat.Milliseconds(), 10), "--liveness", liveness, "--reconnect", "100")
	}
	w := p.python(program, append(append(options, "--sign", sign), p.back)...)
	w.want("ready")
	return w
}

// ask starts a Lazy Pirate that repeats nothing.
func (p *pirates) ask(count string, body ...string) *program {
	p.t.Helper()
	return p.python("lpclient.py", append([]string{"--timeout", patient, "--count", count, p.front}, body...)...)
}

// dividere starts a client of dīvidere's.
func (p *pirates) dividere(layer, count, text string, options ...string) *program {
	p.t.Helper()
	return p.python("divclient.py", append(options, "--layer", layer, "--count", count, p.front, text)...)
}

func testLazyPirate(_ *testing.T, p *pirates) {
	p.start()
	p.worker("ppworker.py", "w1")
	client := p.ask("100", "hello {}", `\x00\xff`, "", `\x01`)
	for i := range 100 {
		client.want(fmt.Sprintf(`reply hello %d | \x00\xff |  | \x01 | w1`, i))
	}
	client.want("done")
	client.wantEnd()
}

func testMorePiratesThanWorkers(t *testing.T, p *pirates) {
	p.start()
	clients := []*program{p.ask("50", "a{}"), p.ask("50", "b{}"), p.ask("50", "c{}"), p.ask("50", "d{}")}
	p.worker("ppworker.py", "w1")
	p.worker("spworker.py", "w2")
	p.worker("divworker.py", "w3", "--layer", "connection")
	for n, client := range clients {
		for i := range 50 {
			got := client.line()
			if reply, sign, ok := strings.Cut(got, "w"); !ok || len(sign) != 1 || strings.Trim(reply, " |") != fmt.Sprintf("reply %c%d", 'a'+n, i) {
				t.Fatalf("said %q", got)
			}
		}
		client.want("done")
	}
}

func testKilledPirate(_ *testing.T, p *pirates) { p.replace("ppworker.py", "reply hello | w2") }

func testKilledSimplePirate(_ *testing.T, p *pirates) { p.replace("spworker.py", "reply hello | w2") }

// replace has a worker killed amid a request. The broker has no heartbeats to tell it:
// the connection ends.
func (p *pirates) replace(worker, reply string, options ...string) {
	p.t.Helper()
	p.start()
	first := p.worker(worker, "w1", append(options, "--hold")...)
	client := p.ask("1", "hello")
	first.want("request hello")
	second := p.worker(worker, "w2", options...)
	first.signal(syscall.SIGKILL)
	second.want("request hello", "answered")
	client.want(reply, "done")
	client.wantEnd()
}

func testStoppedPirate(_ *testing.T, p *pirates) {
	p.heartbeat = often
	p.start()
	first := p.worker("ppworker.py", "w1", "--hold")
	client := p.ask("2", "hello {}")
	first.want("request hello 0")
	second := p.worker("ppworker.py", "w2")
	first.signal(syscall.SIGSTOP)
	second.want("request hello 0", "answered")
	client.want("reply hello 0 | w2", "reply hello 1 | w2", "done")
	second.signal(syscall.SIGKILL)
	first.signal(syscall.SIGCONT)
	first.tell("serve") // which is late, or nobody asks for it any more
	client = p.ask("1", "again")
	client.want("reply again | w1", "done")
}

func testPiratesOfTwoBrokers(_ *testing.T, p *pirates) {
	p.heartbeat = often
	p.start()
	w := p.worker("ppworker.py", "w1")
	client := p.python("lpclient.py", "--timeout", "1000", "--retries", "60", "--count", "2", p.front, "hello {}")
	client.want("reply hello 0 | w1")
	p.stop()
	p.start()
	client.await("reply hello 1 | w1")
	client.want("done")
	w.await("request hello 1")
}

func testBusyPirate(_ *testing.T, p *pirates) {
	p.heartbeat = often
	p.start()
	w := p.worker("ppworker.py", "w1", "--hold")
	client := p.ask("1", "hello")
	w.want("request hello")
	idle := p.python("lpclient.py", "--timeout", "6000", "--retries", "0", p.front, "never")
	idle.want("failed") // by now the worker was busy for longer than it may be silent
	w.tell("serve")
	w.want("answered")
	client.want("reply hello | w1", "done")
}

func testPiratesAndMajordomo(t *testing.T, p *pirates) {
	p.start()
	m := &majordomo{t: t, endpoint: p.main, heartbeat: rare}
	first := m.worker("echo", "m1")
	client := p.ask("1", "hello", "", "you")
	first.want("request hello |  | you")
	client.want("reply hello |  | you | m1", "done")
	first.tell("disconnect")
	p.worker("ppworker.py", "w1")
	client = m.ask("10", "echo", "hello {}")
	for i := range 10 {
		client.want(fmt.Sprintf("reply hello %d | w1", i))
	}
	client.want("done")
}

func testDividereServer(_ *testing.T, p *pirates) {
	p.start()
	w := p.worker("divworker.py", "s1")
	client := p.dividere("messaging", "20", "hello {}")
	for i := range 20 {
		client.want(fmt.Sprintf("reply hello %d s1", i))
		w.want(fmt.Sprintf("request hello %d", i), "answered")
	}
	client.want("done")
}

// dīvidere's own broker forgets a worker of this layer after its first reply.
func testDividereWorker(_ *testing.T, p *pirates) {
	p.start()
	w := p.worker("divworker.py", "s1", "--layer", "connection")
	client := p.dividere("connection", "20", "hello {}")
	for i := range 20 {
		client.want(fmt.Sprintf("reply hello %d s1", i))
		w.want(fmt.Sprintf("request hello %d", i), "answered")
	}
	client.want("done")
}

// dīvidere's own broker ends when there are more requests than servers.
func testMoreDividereClients(_ *testing.T, p *pirates) {
	p.start()
	var clients []*program
	for n := range 4 {
		clients = append(clients, p.dividere("messaging", "10", fmt.Sprintf("%d {}", n), "--timeout", patient))
	}
	p.worker("divworker.py", "s1")
	for n, client := range clients {
		for i := range 10 {
			client.want(fmt.Sprintf("reply %d %d s1", n, i))
		}
		client.want("done")
	}
}

func testKilledDividereServer(_ *testing.T, p *pirates) {
	p.start()
	first := p.worker("divworker.py", "s1", "--hold")
	client := p.dividere("messaging", "1", "hello", "--timeout", patient)
	first.want("request hello")
	second := p.worker("divworker.py", "s2")
	first.signal(syscall.SIGKILL)
	second.want("request hello", "answered")
	client.want("reply hello s2", "done")
}

func testKilledDividereWorker(_ *testing.T, p *pirates) {
	p.replace("divworker.py", "reply hello w2", "--layer", "connection")
}

// dīvidere's server says its heartbeat by itself, sooner or later.
func testDividereOfTwoBrokers(_ *testing.T, p *pirates) {
	p.heartbeat = often
	p.start()
	w := p.worker("divworker.py", "s1")
	client := p.dividere("messaging", "1", "hello")
	client.want("reply hello s1", "done")
	p.stop()
	p.start()
	client = p.dividere("messaging", "1", "again", "--timeout", patient)
	client.want("reply again s1", "done")
	w.await("request again")
}

// dīvidere's client retries, and so does the broker, since the server says heartbeats.
func testForgetfulDividere(_ *testing.T, p *pirates) {
	p.heartbeat = often
	p.start()
	w := p.worker("divworker.py", "s1", "--forget")
	client := p.dividere("messaging", "3", "hello {}", "--timeout", "3000")
	for i := range 3 {
		hello := fmt.Sprintf("hello %d", i)
		client.want("reply " + hello + " s1")
		w.want("request "+hello, "request "+hello, "answered")
	}
	client.want("done")
}

// A server that expects requests alone is not told that another one has gone.
func testDividereDealers(_ *testing.T, p *pirates) {
	p.start()
	all := p.python("divdealers.py", p.front, p.back, "5")
	for i := range 5 {
		all.want(fmt.Sprintf("reply %d", i))
	}
	all.want("done")
}

func testDividereClientPirateWorker(_ *testing.T, p *pirates) {
	p.start()
	p.python("ppworker.py", "--heartbeat", patient, p.back).want("ready") // it does not sign
	client := p.dividere("messaging", "10", "hello {}")
	for i := range 10 {
		client.want(fmt.Sprintf("reply ServiceLookupReq hello %d", i))
	}
	client.want("done")
}

func testDividereClientMajordomoWorker(t *testing.T, p *pirates) {
	p.start()
	echo := func(_ context.Context, request [][]byte) ([][]byte, error) { return request, nil }
	w, err := mdp.NewWorker(newContext(t), p.main, "echo", echo, mdp.WithHeartbeat(rare, 10))
	if err != nil {
		t.Fatal(err)
	}
	runUntilEnd(t, w)
	client := p.dividere("messaging", "10", "hello {}")
	for i := range 10 {
		client.want(fmt.Sprintf("reply ServiceLookupReq hello %d", i))
	}
	client.want("done")
}

func testDividereClientNativeWorker(t *testing.T, p *pirates) {
	p.start()
	h := reactor.NewHandlers()
	reactor.Handle(h, func(_ context.Context, m *serviceLookupReq) (*serviceLookupRep, error) {
		return newTyped[nameServiceLookupRep]().set("serviceName", m.field("serviceName").String()).set("server", "go"), nil
	})
	w, err := service.NewServer(newContext(t), "echo", h, service.WithBroker(p.main))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	runUntilEnd(t, w)
	client := p.dividere("messaging", "10", "hello {}")
	for i := range 10 {
		client.want(fmt.Sprintf("reply hello %d go", i))
	}
	client.want("done")
}

func testNativeClientDividereServer(t *testing.T, p *pirates) {
	p.start()
	p.worker("divworker.py", "s1")
	c, err := service.NewClient(newContext(t), "echo", service.FromBroker(p.main))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	for i := range 10 {
		name := fmt.Sprintf("hello %d", i)
		reply, err := call.Unary[*serviceLookupRep](ctx, c, call.ByType(), newTyped[nameServiceLookupReq]().set("serviceName", name))
		if err != nil {
			t.Fatal(err)
		}
		if reply.field("serviceName").String() != name || reply.field("server").String() != "s1" {
			t.Fatalf("got %v", reply.m)
		}
	}
}

// newContext returns a context that is closed after the test.
func newContext(t *testing.T) *comm.Context {
	t.Helper()
	zmq, err := comm.NewContext()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = zmq.Close() })
	return zmq
}

// runUntilEnd runs something until the test ends.
func runUntilEnd(t *testing.T, r interface{ Run(context.Context) error }) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// The broker is a process of its own, which is killed and begins anew at the same
// ports, which were free a moment ago.
func TestTheBrokerThatWasKilledHasItsPiratesAgain(t *testing.T) {
	m := &majordomo{t: t, binary: filepath.Join(exampletest.Build(t, "cmd/mittere"), "mittere"), heartbeat: often}
	p := &pirates{t: t, front: "tcp://127.0.0.1:*", back: "tcp://127.0.0.1:*", heartbeat: often}
	start := func() {
		m.start("--pirate", fmt.Sprintf("front=%s,back=%s,service=echo", p.front, p.back))
		line := m.broker.await("pirates are served")
		said := regexp.MustCompile(`tcp://127\.0\.0\.1:\d+`).FindAllString(line, -1)
		if len(said) != 2 || !strings.Contains(line, "front="+said[0]) || !strings.Contains(line, "back="+said[1]) {
			t.Fatalf("%q does not say where", line)
		}
		p.front, p.back = said[0], said[1]
	}
	start()
	w := p.worker("ppworker.py", "w1", "--hold")
	client := p.python("lpclient.py", "--timeout", "1000", "--retries", "60", "--count", "10", p.front, "hello {}")
	w.want("request hello 0")
	m.broker.signal(syscall.SIGKILL)
	m.broker.end()
	start()
	w.tell("serve") // what it has is of the broker that was killed
	for i := range 10 {
		client.await(fmt.Sprintf("reply hello %d | w1", i))
	}
	client.want("done")
	m.broker.signal(syscall.SIGTERM)
	if code := m.broker.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
