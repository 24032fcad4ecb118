//go:build interop

package interop_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/mittere/mittere/examples/exampletest"
)

// majortomo, of PyPI, writes MDP/0.2 in another way than RFC 18.
func TestTheBrokerServesMajortomo(t *testing.T) {
	binary := filepath.Join(exampletest.Build(t, "cmd/mittere"), "mittere")
	for name, test := range map[string]func(*majordomo){
		"its client has its worker":                            testMajortomo,
		"its client has workers of the RFCs":                   testMajortomoClient,
		"its worker has clients of the RFCs":                   testMajortomoWorker,
		"request of its worker that is killed goes to another": testKilledMajortomo,
		"its worker lives by its heartbeats":                   testMajortomoHeartbeats,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait rather than work
			test(&majordomo{t: t, binary: binary, heartbeat: rare})
		})
	}
}

// majortomo starts a worker of it.
func (m *majordomo) majortomo(service, name string) *program {
	m.t.Helper()
	w := m.python("majortomoworker.py", nil, service, strconv.FormatInt(m.heartbeat.Milliseconds(), 10), name)
	w.want("ready")
	return w
}

func testMajortomo(m *majordomo) {
	m.start()
	m.majortomo("echo", "w1")
	client := m.python("majortomoclient.py", nil, "echo", "100", "hello {}", "")
	for i := range 100 {
		client.want(fmt.Sprintf("part hello %d | ", i), fmt.Sprintf("part hello %d |  | w1", i))
	}
	client.want("done")
	client.wantEnd()
	client = m.python("majortomoclient.py", nil, "mmi.service", "1", "echo")
	client.want("part 200", "done")
}

func testMajortomoClient(m *majordomo) {
	m.start()
	m.worker("old", "w1", "--mdp", "0.1")
	m.worker("new", "w2", "--mdp", "0.2")
	client := m.python("majortomoclient.py", nil, "old", "2", "hello {}")
	client.want("part hello 0 | w1", "part hello 1 | w1", "done")
	client = m.python("majortomoclient.py", nil, "new", "1", "hello {}")
	client.want("part hello 0 | w2 | part 1", "part hello 0 | w2 | part 2", "part hello 0 | w2", "done")
}

func testMajortomoWorker(m *majordomo) {
	m.start()
	m.majortomo("echo", "w1")
	client := m.ask("2", "echo", "hello {}")
	client.want("reply hello 0 | w1", "reply hello 1 | w1", "done")
	client = m.send("0.2", "1", "echo", "hello {}")
	client.want("partial hello 0", "reply hello 0 | w1", "done")
}

func testKilledMajortomo(m *majordomo) {
	m.start()
	first := m.majortomo("echo", "w1")
	client := m.python("majortomoclient.py", nil, "echo", "1", "hello")
	client.want("part hello", "part hello | w1", "done")
	first.want("request hello", "answered")
	first.signal(syscall.SIGSTOP) // so that it answers nothing, whether it has the request or not
	client = m.python("majortomoclient.py", nil, "echo", "1", "again")
	m.majortomo("echo", "w2")
	first.signal(syscall.SIGKILL)
	client.want("part again", "part again | w2", "done")
}

// The worker that gave no sign of life would be dead after 5 s.
func testMajortomoHeartbeats(m *majordomo) {
	m.heartbeat = often
	m.start()
	w := m.majortomo("echo", "w1")
	never := m.python("reqclient.py", []string{"--timeout", "6000", "--retries", "0"}, "nobody", "hello")
	never.want("failed")
	client := m.ask("1", "echo", "hello")
	client.want("reply hello | w1", "done")
	w.want("request hello", "answered")
}
