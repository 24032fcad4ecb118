//go:build interop

package interop_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mittere/mittere/examples/exampletest"
)

// The peers are the Python programs in python/majordomo, which were written from
// RFC 7, 8 and 18 alone. All share the binary of the broker, and nothing else.
func TestTheBrokerServesMajordomoPeersOfPython(t *testing.T) {
	binary := filepath.Join(exampletest.Build(t, "cmd/mittere"), "mittere")
	for name, test := range map[string]func(*testing.T, *majordomo){
		"synchronous client gets its own frames back":           testSynchronousClient,
		"a thousand requests in flight over three workers":      testManyInFlight,
		"a thousand requests in flight over three workers, 0.2": testManyInFlight2,
		"request of a worker that is killed goes to another":    testKilledWorker,
		"request of a worker that is paused goes to another":    testStoppedWorker,
		"worker that is idle says DISCONNECT":                   testIdleWorkerDisconnects,
		"worker that is busy says DISCONNECT":                   testBusyWorkerDisconnects,
		"worker that is idle says READY again":                  testSecondReadyOfIdleWorker,
		"worker that is busy says READY again":                  testSecondReadyOfBusyWorker,
		"worker for a reserved name is refused":                 testReservedName,
		"broker tells of itself":                                testManagement,
		"requests wait for a worker, in order":                  testQueue,
		"partial replies arrive in order, and before the final": testPartials,
		"client of 0.2 has a worker of 0.1":                     testNewClientOldWorker,
		"client of 0.1 has a worker of 0.2":                     testOldClientNewWorker,
		"broker that was killed has its peers again":            testKilledBroker,
		"broker that is told to stop lets requests end":         testStoppedBroker,
		"request that waited for too long is forgotten":         testExpiry,
		"request that finds no room has an error":               testFullQueue,
		"garbage does no harm":                                  testGarbage,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait rather than work
			test(t, &majordomo{t: t, binary: binary, heartbeat: rare})
		})
	}
}

func testSynchronousClient(_ *testing.T, m *majordomo) {
	m.start()
	m.worker("echo", "w1")
	client := m.ask("100", "echo", "hello {}", `\x00\xff`, "")
	for i := range 100 {
		client.want(fmt.Sprintf(`reply hello %d | \x00\xff |  | w1`, i))
	}
	client.want("done")
	client.wantEnd()
}

func testManyInFlight(t *testing.T, m *majordomo) { manyInFlight(t, m, "0.1") }

func testManyInFlight2(t *testing.T, m *majordomo) { manyInFlight(t, m, "0.2") }

// manyInFlight has all requests under way before one is answered, and each worker
// with one of them.
func manyInFlight(t *testing.T, m *majordomo, version string) {
	m.start()
	const count = 1000
	workers := []*program{}
	for _, name := range []string{"w1", "w2", "w3"} {
		workers = append(workers, m.worker("echo", name, "--hold", "--mdp", version))
	}
	client := m.send(version, strconv.Itoa(count), "echo", "number {}", "payload {}")
	for _, w := range workers {
		w.await("request ")
	}
	for _, w := range workers {
		w.tell("serve")
	}
	replied, served := map[string]bool{}, map[string]bool{}
	reply := regexp.MustCompile(`^reply number (\d+) \| payload (\d+) \| (w\d)$`)
	for line := client.line(); line != "done"; line = client.line() {
		got := reply.FindStringSubmatch(line)
		switch {
		case version == "0.2" && strings.HasPrefix(line, "partial number "):
		case got == nil || got[1] != got[2] || replied[got[1]]:
			t.Fatalf("said %q", line)
		default:
			replied[got[1]], served[got[3]] = true, true
		}
	}
	client.wantEnd()
	if len(replied) != count || len(served) != len(workers) {
		t.Errorf("%d replies of %d workers", len(replied), len(served))
	}
}

func testKilledWorker(_ *testing.T, m *majordomo) {
	m.heartbeat = often
	m.start()
	first := m.worker("echo", "w1", "--hold")
	client := m.ask("1", "echo", "hello")
	first.want("request hello")
	second := m.worker("echo", "w2")
	first.signal(syscall.SIGKILL)
	second.want("request hello", "answered")
	client.want("reply hello | w2", "done")
	client.wantEnd()
}

// A worker whose connection is there is dead by its silence alone. When it goes on
// it learns that, and serves again.
func testStoppedWorker(_ *testing.T, m *majordomo) {
	m.heartbeat = often
	m.start()
	first := m.worker("echo", "w1", "--hold")
	client := m.send("0.1", "1", "echo", "hello {}")
	first.want("request hello 0")
	second := m.worker("echo", "w2")
	first.signal(syscall.SIGSTOP)
	client.want("reply hello 0 | w2", "done")
	client.wantEnd()
	second.end()
	first.signal(syscall.SIGCONT)
	first.tell("serve") // it may still answer what is another's now
	first.await("ready")
	client = m.ask("1", "echo", "again")
	client.want("reply again | w1", "done")
	client.wantEnd()
}

// Nothing comes to a worker after its DISCONNECT.
func testIdleWorkerDisconnects(_ *testing.T, m *majordomo) {
	m.start()
	first := m.worker("echo", "w1")
	m.awaitService("200", "echo")
	first.tell("disconnect")
	m.awaitService("404", "echo")
	client := m.send("0.1", "1", "echo", "hello {}")
	m.wantMMI("404", "mmi.service", "echo")
	second := m.worker("echo", "w2")
	client.want("reply hello 0 | w2", "done")
	client.wantEnd()
	second.want("request hello 0", "answered")
	second.wantEnd() // which says DISCONNECT too
	m.awaitService("404", "echo")

	first.tell("again")
	first.want("ready")
	client = m.ask("1", "echo", "again")
	client.want("reply again | w1", "done")
	first.want("request again", "answered")
}

func testBusyWorkerDisconnects(_ *testing.T, m *majordomo) {
	m.start()
	first := m.worker("echo", "w1", "--hold")
	client := m.ask("1", "echo", "hello")
	first.want("request hello")
	first.tell("disconnect")
	m.worker("echo", "w2")
	client.want("reply hello | w2", "done")
	first.wantEnd() // it was told nothing more
}

// RFC 7 forbids a second READY, but a worker that was started again with the same
// routing id sends one: it is a new worker.
func testSecondReadyOfIdleWorker(_ *testing.T, m *majordomo) {
	m.start()
	w := m.worker("echo", "w1")
	m.awaitService("200", "echo")
	w.tell("ready")
	w.want("ready")
	client := m.ask("2", "echo", "hello {}")
	client.want("reply hello 0 | w1", "reply hello 1 | w1", "done")
	w.want("request hello 0", "answered", "request hello 1", "answered")
}

func testSecondReadyOfBusyWorker(_ *testing.T, m *majordomo) {
	m.start()
	w := m.worker("echo", "w1", "--hold")
	client := m.ask("2", "echo", "hello {}")
	w.want("request hello 0")
	w.tell("ready")
	w.want("ready", "request hello 0")
	w.tell("serve")
	w.want("answered", "request hello 1", "answered")
	client.want("reply hello 0 | w1", "reply hello 1 | w1", "done")
	client.wantEnd()
}

func testReservedName(_ *testing.T, m *majordomo) {
	m.start()
	for _, version := range []string{"0.1", "0.2"} {
		m.worker("mmi.echo", "w1", "--mdp", version).want("disconnect")
	}
	m.wantMMI("501", "mmi.echo", "hello")
}

func testManagement(_ *testing.T, m *majordomo) {
	m.start()
	m.wantMMI("404", "mmi.service", "echo")
	m.wantMMI("501", "mmi.nonsense", "echo")
	client := m.send("0.1", "1", "echo", "hello {}")
	m.wantMMI("404", "mmi.service", "echo") // for all that it is asked for
	m.wantMMI("", "mmi.services")
	m.wantMMI("", "mmi.workers")

	w := m.worker("echo", "w1", "--id", "one", "--hold")
	w.want("request hello 0")
	m.wantMMI("200", "mmi.service", "echo") // for all that it is busy
	w.tell("serve")
	client.want("reply hello 0 | w1", "done")
	m.wantMMI("200", "mmi.service", "echo")
	m.wantMMI("404", "mmi.service", "ech")

	m.worker("clock", "w2", "--id", "two")
	m.awaitService("200", "clock")
	m.wantMMI("clock | echo", "mmi.services")
	m.wantMMI("one | two", "mmi.workers")
	m.wantMMI("one", "mmi.workers", "echo")
	w.end()
	m.awaitService("404", "echo")
	m.wantMMI("clock", "mmi.services")
	m.wantMMI("", "mmi.workers", "echo")
}

func testQueue(_ *testing.T, m *majordomo) {
	m.start()
	client := m.send("0.1", "100", "late", "hello {}")
	m.wantMMI("404", "mmi.service", "late")
	w := m.worker("late", "w1")
	for i := range 100 {
		w.want(fmt.Sprintf("request hello %d", i), "answered")
		client.want(fmt.Sprintf("reply hello %d | w1", i))
	}
	client.want("done")
	client.wantEnd()
}

func testPartials(_ *testing.T, m *majordomo) {
	m.start()
	m.worker("echo", "w1", "--mdp", "0.2")
	client := m.send("0.2", "100", "echo", "hello {}", `\x00`)
	for i := range 100 {
		reply := fmt.Sprintf(`hello %d | \x00 | w1`, i)
		client.want("partial "+reply+" | part 1", "partial "+reply+" | part 2", "reply "+reply)
	}
	client.want("done")
	client.wantEnd()
}

func testNewClientOldWorker(_ *testing.T, m *majordomo) {
	m.start()
	m.worker("echo", "w1", "--mdp", "0.1")
	client := m.send("0.2", "2", "echo", "hello {}")
	client.want("reply hello 0 | w1", "reply hello 1 | w1", "done")
	client.wantEnd()
}

// 0.1 has one reply to a request: the final one.
func testOldClientNewWorker(_ *testing.T, m *majordomo) {
	m.start()
	m.worker("echo", "w1", "--mdp", "0.2")
	client := m.ask("2", "echo", "hello {}")
	client.want("reply hello 0 | w1", "reply hello 1 | w1", "done")
	client.wantEnd()
}

// The broker that was killed knew of a request that a worker has, and the next one
// knows nothing: workers find out by their heartbeats, and clients repeat.
func testKilledBroker(_ *testing.T, m *majordomo) {
	m.heartbeat = often
	m.start()
	waits := []string{"--liveness", "1000"} // it is told, rather than to give up by itself
	busy, idle := m.worker("busy", "w1", append(waits, "--hold")...), m.worker("idle", "w2", append(waits, "--mdp", "0.2")...)
	repeats := []string{"--timeout", "1000", "--retries", "50"}
	sync := m.python("reqclient.py", append(repeats, "--count", "10"), "busy", "hello {}")
	busy.want("request hello 0")
	async := m.python("dealerclient.py", append(repeats, "--count", "10"), "busy", "bye {}")
	async.want("sent")
	m.broker.signal(syscall.SIGKILL)
	m.broker.end()
	m.start()

	busy.want("disconnect", "ready")
	busy.await("request ")
	busy.tell("serve")
	sync.want("retry")
	for i := range 10 {
		sync.await(fmt.Sprintf("reply hello %d | w1", i))
	}
	for range 10 {
		async.await("reply bye ")
	}
	async.await("done")
	sync.await("done")

	idle.want("disconnect", "ready")
	client := m.ask("1", "idle", "hello")
	client.await("reply hello")
	client.want("done")
	client.wantEnd()
}

func testStoppedBroker(t *testing.T, m *majordomo) {
	m.start()
	w := m.worker("echo", "w1", "--hold")
	client := m.ask("1", "echo", "hello")
	w.want("request hello")
	m.broker.signal(syscall.SIGTERM)
	w.tell("answer")
	client.want("reply hello | w1", "done")
	w.want("answered", "disconnect")
	if code := m.broker.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// RFC 7 has no reply to a request that expired: silence, and nothing for who comes
// too late.
func testExpiry(_ *testing.T, m *majordomo) {
	m.start("--expiry", "200ms")
	m.send("0.2", "1", "other", "never") // beside those that are asked for
	client := m.python("reqclient.py", []string{"--timeout", "1500", "--retries", "1"}, "echo", "never")
	client.want("retry", "failed")
	if code := client.end(); code != 1 {
		m.t.Errorf("exit code %d", code)
	}
	w := m.worker("echo", "w1")
	client = m.ask("1", "echo", "now")
	w.want("request now")
	client.want("reply now | w1", "done")
}

// MDP has no errors: one is a body of one frame, an envelope of mittere.v1.Status.
func testFullQueue(t *testing.T, m *majordomo) {
	m.start("--queue", "10")
	client := m.send("0.1", "15", "echo", "hello {}")
	for range 5 {
		// It is not known which request the reply is to.
		if line := client.line(); !strings.HasPrefix(line, "again ") || !strings.Contains(line, "mittere.v1.Status") {
			t.Fatalf("said %q", line)
		}
	}
	m.worker("echo", "w1")
	for i := range 10 {
		client.want(fmt.Sprintf("reply hello %d | w1", i))
	}
}

func testGarbage(t *testing.T, m *majordomo) {
	m.heartbeat = often
	m.start("--expiry", "500ms", "--drain", "500ms")
	m.worker("echo", "w1")
	client := m.ask("500", "echo", "hello {}")
	var garbage []*program
	for seed := range 2 {
		garbage = append(garbage, m.python("garbage.py", []string{"--seed", strconv.Itoa(seed)}))
	}
	for i := range 500 {
		client.want(fmt.Sprintf("reply hello %d | w1", i))
	}
	client.want("done")
	for _, g := range garbage {
		g.want("done")
		g.wantEnd()
	}
	client = m.ask("1", "echo", "again")
	client.want("reply again | w1", "done")
	m.broker.signal(syscall.SIGTERM)
	if code := m.broker.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
