package service_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service"
)

// logged keeps what is logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps a line.
func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// has reports whether a line was logged that has all of these parts.
func (l *logged) has(parts ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		lacks := func(part string) bool { return !strings.Contains(line, part) }
		if !slices.ContainsFunc(parts, lacks) {
			return true
		}
	}
	return false
}

// await waits for a line that has all of these parts.
func (l *logged) await(t testing.TB, parts ...string) {
	t.Helper()
	eventually(t, "the log has a line of "+strings.Join(parts, ", "), func() bool { return l.has(parts...) })
}

// option returns what makes a server log here.
func (l *logged) option() service.ServerOption {
	return service.WithLogger(slog.New(slog.NewTextHandler(l, nil)))
}

// TestReplacedServerSaysSoAndServesItsCallersOn starts a second server with the id of the
// first, as a process does that is started anew before the old one has ended.
func TestReplacedServerSaysSoAndServesItsCallersOn(t *testing.T) {
	zmq, log := newContext(t), new(logged)
	names := serveNames(t, zmq, inproc())
	options := []service.ServerOption{
		service.WithRegistryClient(names.client), service.WithID("node-1"), service.WithLease(time.Second),
	}
	first := serve(t, zmq, handlers(), append(options, service.WithBind(inproc()), log.option())...)
	ok(t, first.WaitRegistered(patient(t)))
	second := serve(t, zmq, handlers(), append(options, service.WithBind(inproc()))...)
	ok(t, second.WaitRegistered(patient(t)))
	log.await(t, "level=ERROR", "another instance was registered", "node-1")
	wantCode(t, first.WaitRegistered(patient(t)), messaging.AlreadyExists)
	wantEcho(t, clientOf(t, zmq, []*server{first}))
	ok(t, first.stop()) // which withdraws nothing
	entries := must(names.client.Resolve(patient(t), echoService))(t)
	if len(entries) != 1 || entries[0].GetInstance().GetEndpoints()[0] != second.Endpoints()[0] {
		t.Errorf("the registry knows %v, want the second", entries)
	}
}

// TestServerThatStoodStillWithdrawsThoughTheRegistryIsAnother halts a server, exchanges
// the registry, and terminates the server the moment it goes on.
func TestServerThatStoodStillWithdrawsThoughTheRegistryIsAnother(t *testing.T) {
	zmq := newContext(t)
	todo := task{Endpoint: "tcp://127.0.0.1:*", Table: filepath.Join(t.TempDir(), "table.db")}
	names := faulttest.Start(t, "registry", todo)
	todo.Endpoint = names.Await("listens ")
	c := must(registry.NewClient(zmq, todo.Endpoint, registry.WithClientLogger(quiet)))(t)
	defer c.Close()
	listed := func() int { return len(must(c.List(patient(t)))(t)) }
	for range 4 {
		s := faulttest.Start(t, "instance", task{Endpoint: "tcp://127.0.0.1:*", Registry: todo.Endpoint, Name: echoService, ID: "1", Heartbeat: time.Second})
		eventually(t, "the server is listed", func() bool { return listed() == 1 })
		s.Halt()
		names.Kill()
		names = faulttest.Start(t, "registry", todo)
		names.Await("listens ")
		s.Continue()
		s.Terminate()
		if entries := must(c.List(patient(t)))(t); len(entries) != 0 {
			t.Fatalf("the server has ended, and the registry knows %v", entries)
		}
	}
}

func TestServerSaysWhenTheRegistryIsAwayAndBack(t *testing.T) {
	zmq, log := newContext(t), new(logged)
	names := faulttest.Start(t, "registry", task{Endpoint: "tcp://127.0.0.1:*"})
	endpoint := names.Await("listens ")
	s := serve(t, zmq, handlers(), service.WithRegistry(endpoint), log.option())
	ok(t, s.WaitRegistered(patient(t)))
	names.Kill()
	log.await(t, "level=WARN", "the registry is away", endpoint, "error=")
	faulttest.Start(t, "registry", task{Endpoint: endpoint})
	log.await(t, "level=INFO", "the registry is back", endpoint, "after=")
	ok(t, s.WaitRegistered(patient(t)))
}

func TestServerSaysThatTheRegistryIsNoneOrDoesNotTakeIt(t *testing.T) {
	zmq, log := newContext(t), new(logged)
	other := serve(t, zmq, handlers(), service.WithBind(inproc()))
	serve(t, zmq, handlers(), service.WithRegistry(other.Endpoints()[0]), service.WithBind(inproc()), log.option())
	log.await(t, "level=WARN", "the registry is away", "is no registry")

	names := serveNames(t, zmq, inproc())
	many := map[string]string{}
	for i := range registry.MaxLabels + 1 {
		many[string(rune('a'+i))] = ""
	}
	serve(t, zmq, handlers(), service.WithRegistryClient(names.client), service.WithBind(inproc()), service.WithLabels(many), log.option())
	log.await(t, "level=WARN", "not registered", "labels")
}
