package service_test

import (
	"bytes"
	"context"
	"errors"
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

// TestServerThatWasPausedWithdrawsThoughTheRegistryIsAnother halts a server, exchanges
// the registry, and terminates the server the moment it goes on.
func TestServerThatWasPausedWithdrawsThoughTheRegistryIsAnother(t *testing.T) {
	zmq := newContext(t)
	todo := task{Endpoint: "tcp://127.0.0.1:*", Table: filepath.Join(t.TempDir(), "table.db")}
	names := faulttest.Start(t, "registry", todo)
	todo.Endpoint = names.Await("listens ")
	c := must(registry.NewClient(zmq, todo.Endpoint, registry.WithLogger(quiet)))(t)
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
	for i := range 65 { // one more than a registry takes
		many[string(rune('a'+i))] = ""
	}
	serve(t, zmq, handlers(), service.WithRegistryClient(names.client), service.WithBind(inproc()), service.WithLabels(many), log.option())
	log.await(t, "level=WARN", "not registered", "labels")
}

// unknown is the endpoint of a registry, or a broker, whose name nobody knows: none may
// know a name that ends so (RFC 6761).
const unknown = "tcp://registry.invalid:17601"

func TestServerStartsThoughTheNameOfItsRegistryIsNotKnownYet(t *testing.T) {
	for what, options := range map[string][]service.ServerOption{
		"that is to listen on the way": nil,
		"on all interfaces":            {service.WithBind("tcp://*:*")},
	} {
		t.Run(what, func(t *testing.T) {
			zmq, log := newContext(t), new(logged)
			s := serve(t, zmq, handlers(), append(options, service.WithRegistry(unknown), log.option())...)
			log.await(t, "level=WARN", "not reachable yet by others", "registry.invalid")
			wantCode(t, s.WaitRegistered(within(t, 10*time.Millisecond)), messaging.DeadlineExceeded)
			if got := s.Endpoints(); len(got) > 0 {
				t.Errorf("it is advertised at %v", got)
			}
			ok(t, s.stop())
			wantCode(t, s.WaitRegistered(patient(t)), messaging.Unavailable)
		})
	}
}

func TestWorkerOnAllInterfacesStartsThoughTheNameOfItsBrokerIsNotKnownYet(t *testing.T) {
	w := must(service.NewServer(newContext(t), "", handlers(), service.WithBroker(unknown), service.WithBind("tcp://*:*"), service.WithLogger(quiet)))(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	wantCode(t, w.WaitRegistered(within(t, 10*time.Millisecond)), messaging.Unavailable)
	cancel()
	ok(t, errors.Join(<-ended, w.Close()))
}

// TestServerThatWillBeReachedByThisHostAloneSaysSo asks the registry by loopback.
func TestServerThatWillBeReachedByThisHostAloneSaysSo(t *testing.T) {
	zmq, log := newContext(t), new(logged)
	names := serveNames(t, zmq, "tcp://127.0.0.1:*")
	serve(t, zmq, handlers(), service.WithRegistry(names.endpoint), log.option())
	serve(t, zmq, handlers(), service.WithRegistry(names.endpoint), service.WithBind("tcp://*:*"), service.WithAdvertise("tcp://10.1.1.1:1"), log.option())
	if log.has("loopback") {
		t.Error("it is said of a server that only wants to be reached so")
	}
	serve(t, zmq, handlers(), service.WithRegistry(names.endpoint), service.WithBind("tcp://*:*"), log.option())
	log.await(t, "level=WARN", "loopback address", "WithAdvertise")
}

func TestNamesAndEndpointsThatNobodyCouldUseAreRefused(t *testing.T) {
	zmq := newContext(t)
	for _, option := range []service.ServerOption{
		service.WithAdvertise("tcp://10.1.1.1"), service.WithAdvertise("tcp://h:1", "tcp://h:70000"), service.WithAdvertise("tcp://a b:1"),
	} {
		_, err := service.NewServer(zmq, "", handlers(), option, service.WithBind(inproc()))
		wantCode(t, err, messaging.InvalidArgument)
	}
	_, err := service.NewServer(zmq, "a/b", handlers(), service.WithBind(inproc()))
	wantCode(t, err, messaging.InvalidArgument)
}
