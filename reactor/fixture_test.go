package reactor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// patience ends tests that would hang for ever; nothing is measured with it.
const patience = 2 * time.Minute

// must takes what a constructor returns: must(NewX(...))(t) is the X.
func must[T any](made T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
}

// ok ends the test if there is an error.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// check is ok for goroutines that are not the test's own, which cannot end it.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// newContext returns a context that the end of the test closes, and with it all
// of its sockets. Released frames are overwritten: a later use is seen.
func newContext(t testing.TB) *comm.Context {
	t.Helper()
	zmq := must(comm.NewContext(comm.WithPoison(), comm.WithLogger(slog.New(slog.DiscardHandler))))(t)
	t.Cleanup(func() {
		if err := zmq.Close(); err != nil {
			t.Errorf("close the context: %v", err)
		}
	})
	return zmq
}

// patient returns a context for calls that must not hang.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// transports are the ways between sockets; each makes endpoints that nobody uses.
var transports = []struct {
	name string
	make func(testing.TB) string
}{
	{"tcp", func(testing.TB) string { return tcp }},
	{"ipc", ipcEndpoint},
	{"inproc", inprocEndpoint},
}

// tcp takes a free port.
const tcp = "tcp://127.0.0.1:*"

// ipcEndpoint returns a path that fits into a socket's address, which the
// temporary folder of a test with a long name does not.
func ipcEndpoint(t testing.TB) string {
	dir := must(os.MkdirTemp("", "mittere"))(t)
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return "ipc://" + filepath.Join(dir, "socket")
}

// inprocNames numbers inproc endpoints.
var inprocNames atomic.Int64

func inprocEndpoint(testing.TB) string {
	return fmt.Sprintf("inproc://%d", inprocNames.Add(1))
}

// onEachTransport runs a test on tcp, ipc and inproc. at returns a new endpoint to
// bind at each call.
func onEachTransport(t *testing.T, test func(t *testing.T, at func() string)) {
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) {
			test(t, func() string { return transport.make(t) })
		})
	}
}

// of returns where a socket listens.
func of(s interface{ Endpoints() []string }) string { return s.Endpoints()[0] }

// sockets is a list of sockets for a reactor.
func sockets(list ...reactor.Socket) []reactor.Socket { return list }

// running is a reactor while it runs.
type running struct {
	*reactor.Reactor
	log     *journal
	cancel  context.CancelFunc
	ended   chan struct{}
	err     error // of Run, once it ended
	checked atomic.Bool
}

// serve runs a reactor until the test ends or stops it; Run must then return nil,
// unless the test looks at its error.
func serve(t testing.TB, h *reactor.Handlers, list []reactor.Socket, options ...reactor.Option) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{log: &journal{}, cancel: cancel, ended: make(chan struct{})}
	options = append([]reactor.Option{reactor.WithLogger(slog.New(r.log))}, options...)
	r.Reactor = must(reactor.New(h, list, options...))(t)
	go func() {
		defer close(r.ended)
		r.err = r.Run(ctx)
	}()
	t.Cleanup(func() {
		checked := r.checked.Load()
		if err := r.stop(); err != nil && !checked {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

// stop ends the reactor and returns what Run returned.
func (r *running) stop() error {
	r.cancel()
	return r.wait()
}

// wait returns what Run returned, once it did.
func (r *running) wait() error {
	r.checked.Store(true)
	<-r.ended
	return r.err
}

// journal is a log that can be read.
type journal struct {
	mu    sync.Mutex
	lines []slog.Record
}

// Enabled, Handle, WithAttrs and WithGroup make it a slog.Handler.
func (j *journal) Enabled(context.Context, slog.Level) bool { return true }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, r)
	return nil
}

func (j *journal) WithAttrs([]slog.Attr) slog.Handler { return j }
func (j *journal) WithGroup(string) slog.Handler      { return j }

// all returns the lines with this message, each as the map of its attributes.
func (j *journal) all(message string) (found []map[string]string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range j.lines {
		if line.Message != message {
			continue
		}
		attrs := map[string]string{"level": line.Level.String()}
		line.Attrs(func(a slog.Attr) bool { attrs[a.Key] = a.Value.Resolve().String(); return true })
		found = append(found, attrs)
	}
	return found
}

// one returns the only line with this message.
func (j *journal) one(t testing.TB, message string) map[string]string {
	t.Helper()
	lines := j.all(message)
	if len(lines) != 1 {
		t.Fatalf("%d lines %q in the log, want 1: %v", len(lines), message, lines)
	}
	return lines[0]
}

// eventually waits for what nothing announces.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for ctx := patient(t); !happened(); time.Sleep(time.Millisecond) { // between two looks
		if ctx.Err() != nil {
			t.Fatalf("waited too long: %s", what)
		}
	}
}

// wantCode checks that an error is a typed one with this code.
func wantCode(t testing.TB, err error, code messaging.Code) *messaging.Error {
	t.Helper()
	var typed *messaging.Error
	if !errors.As(err, &typed) {
		t.Fatalf("got %v of type %T, want *messaging.Error with code %v", err, err, code)
	}
	if typed.Code != code {
		t.Fatalf("got %v, want code %v", err, code)
	}
	return typed
}

// wantEqual checks that two messages are the same.
func wantEqual(t testing.TB, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// wantStats checks a reactor's counters.
func wantStats(t testing.TB, r *running, want reactor.Stats) {
	t.Helper()
	if got := r.Stats(); got != want {
		t.Errorf("stats are %+v, want %+v", got, want)
	}
}

// echo answers each EchoRequest with its text.
func echo(_ context.Context, m *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	return &testv1.EchoResponse{Text: m.GetText()}, nil
}

// echoing returns handlers with echo alone.
func echoing() *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.Handle(h, echo)
	return h
}

// ask returns a request for an echo.
func ask(text string) *testv1.EchoRequest { return &testv1.EchoRequest{Text: text} }

// note returns a small message.
func note(number int) *testv1.Note { return &testv1.Note{Text: "note", Number: int64(number)} }

// newRequest returns a Request that is connected to a socket.
func newRequest(t testing.TB, zmq *comm.Context, to interface{ Endpoints() []string }) *messaging.Req {
	t.Helper()
	return must(messaging.NewReq(zmq, of(to)))(t)
}

// wantEcho checks that a good message is answered.
func wantEcho(t testing.TB, req *messaging.Req, text string) {
	t.Helper()
	reply := must(messaging.Call[*testv1.EchoResponse](patient(t), req, ask(text)))(t)
	wantEqual(t, reply, &testv1.EchoResponse{Text: text})
}

// feed is a socket without libzmq: what it is given is received. It cannot
// reply.
type feed struct {
	in     chan *messaging.Delivery
	closed chan struct{}
}

// newFeed returns a feed that holds messages which are not received yet.
func newFeed(capacity int) *feed {
	return &feed{in: make(chan *messaging.Delivery, capacity), closed: make(chan struct{})}
}

// Recv, Traits and String make it a reactor.Socket.
func (f *feed) Recv(ctx context.Context) (*messaging.Delivery, error) {
	select {
	case d := <-f.in:
		return d, nil
	case <-f.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *feed) Traits() messaging.Traits { return messaging.Traits{} }

func (f *feed) String() string { return "feed" }

// give waits until a message is received, or stored.
func (f *feed) give(t testing.TB, m proto.Message) { f.in <- delivery(t, m) }

// delivery returns a message as it arrives.
func delivery(t testing.TB, m proto.Message) *messaging.Delivery {
	t.Helper()
	return &messaging.Delivery{Envelope: must(messaging.Pack(m))(t)}
}
