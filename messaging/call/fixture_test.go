package call_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/expect"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

const (
	// patience ends tests that would hang for ever; nothing is measured with it.
	patience = expect.Patience
	// atOnce is what takes no longer than a slow machine needs, and far less than patience
	// and what happens rarely.
	atOnce = 10 * time.Second
	// rarely is a heartbeat that comes too late to matter in a test.
	rarely = 20 * time.Second
)

// The methods that the tests call.
var (
	echoMethod    = methodOf("Echo")
	storeMethod   = methodOf("Store")
	numbersMethod = methodOf("Numbers")
)

// descriptorOf returns the descriptor of a method of the EchoService.
func descriptorOf(name protoreflect.Name) protoreflect.MethodDescriptor {
	return testv1.File_mittere_test_v1_test_proto.Services().ByName("EchoService").Methods().ByName(name)
}

// methodOf returns a method of the EchoService.
func methodOf(name protoreflect.Name) call.Method { return call.MethodOf(descriptorOf(name)) }

// must, ok, eventually and receive are those of all tests; see package expect.
func must[T any](made T, err error) func(testing.TB) T { return expect.Must(made, err) }

func receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	return expect.Receive(t, what, from)
}

var (
	ok         = expect.OK
	eventually = expect.Eventually
)

// newContext returns a context that the end of the test closes, and with it all
// of its sockets. Released frames are overwritten, so that a use after it shows.
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

// within returns a context with a deadline.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
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

// ipcEndpoint returns a path that fits into a socket's address.
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

// onEachTransport runs a test on tcp, ipc and inproc.
func onEachTransport(t *testing.T, test func(t *testing.T, endpoint string)) {
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) { test(t, transport.make(t)) })
	}
}

// socket is what a server listens on.
type socket interface {
	reactor.Socket
	Endpoints() []string
	Close() error
}

// server is a reactor that serves calls while it runs.
type server struct {
	*reactor.Reactor
	socket socket
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of Run, once it ended
}

// serve runs a reactor on a new socket until the test ends.
func serve(t testing.TB, zmq *comm.Context, endpoint string, h *reactor.Handlers, options ...reactor.Option) *server {
	t.Helper()
	return serveOn(t, must(messaging.NewServer(zmq, endpoint))(t), h, options...)
}

// serveOn runs a reactor on a socket until the test ends.
func serveOn(t testing.TB, on socket, h *reactor.Handlers, options ...reactor.Option) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{socket: on, cancel: cancel, ended: make(chan struct{})}
	quiet := reactor.WithLogger(slog.New(slog.DiscardHandler))
	s.Reactor = must(reactor.New(h, []reactor.Socket{on}, append([]reactor.Option{quiet}, options...)...))(t)
	go func() {
		defer close(s.ended)
		s.err = s.Run(ctx)
	}()
	t.Cleanup(func() { s.stop(t) })
	return s
}

// stop ends the reactor and closes its socket.
func (s *server) stop(t testing.TB) {
	t.Helper()
	s.cancel()
	<-s.ended
	if s.err != nil {
		t.Errorf("Run: %v", s.err)
	}
	if err := s.socket.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// endpoint returns where the server listens.
func (s *server) endpoint() string { return s.socket.Endpoints()[0] }

// dial returns a connection until the test ends.
func dial(t testing.TB, zmq *comm.Context, endpoint string, options ...call.DialOption) *call.Conn {
	t.Helper()
	c := must(call.Dial(zmq, endpoint, options...))(t)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// pair returns a connection to a server that runs, when it is ready.
func pair(t testing.TB, endpoint string, h *reactor.Handlers, options ...reactor.Option) (*call.Conn, *server) {
	t.Helper()
	zmq := newContext(t)
	s := serve(t, zmq, endpoint, h, options...)
	c := dial(t, zmq, s.endpoint())
	eventually(t, "the connection is ready", c.Ready)
	return c, s
}

// soon fails the test if something took longer than it must.
func soon(t testing.TB, what string, began time.Time) {
	t.Helper()
	if took := time.Since(began); took > atOnce {
		t.Errorf("%s took %v, want at once", what, took)
	}
}

// wantCode checks that an error is a typed one with this code.
func wantCode(t testing.TB, err error, code messaging.Code) *messaging.Error {
	t.Helper()
	var typed *messaging.Error
	if !errors.As(err, &typed) || typed.Code != code {
		t.Fatalf("got %v of type %T, want *messaging.Error with code %v", err, err, code)
	}
	return typed
}

// wantRefused checks that an error says that the request was not executed.
func wantRefused(t testing.TB, err error, code messaging.Code) *messaging.Error {
	t.Helper()
	typed := wantCode(t, err, code)
	if !messaging.Refused(err) {
		t.Errorf("%v: want it to be refused", err)
	}
	return typed
}

// wantPhase checks that an error tells where the time went.
func wantPhase(t testing.TB, err *messaging.Error, phase mitterev1.Overtime_Phase) {
	t.Helper()
	for _, detail := range err.Details {
		var overtime mitterev1.Overtime
		if detail.UnmarshalTo(&overtime) == nil && overtime.GetPhase() == phase {
			return
		}
	}
	t.Errorf("%v has the details %v, want phase %v", err, err.Details, phase)
}

// wantEqual checks that two messages are the same.
func wantEqual(t testing.TB, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// askEcho makes a call of Echo.
func askEcho(ctx context.Context, c call.Caller, text string, options ...call.Option) (*testv1.EchoResponse, error) {
	return call.Unary[*testv1.EchoResponse](ctx, c, echoMethod, &testv1.EchoRequest{Text: text}, options...)
}

// wantEcho checks that a good call is answered.
func wantEcho(t testing.TB, c call.Caller, text string) {
	t.Helper()
	wantEqual(t, must(askEcho(patient(t), c, text))(t), &testv1.EchoResponse{Text: text})
}

// askStore makes a call of Store.
func askStore(ctx context.Context, c call.Caller, item uint64, options ...call.Option) (*testv1.StoreResponse, error) {
	return call.Unary[*testv1.StoreResponse](ctx, c, storeMethod, &testv1.StoreRequest{Item: item}, options...)
}

// askNumbers makes a call of Numbers.
func askNumbers(ctx context.Context, c call.Caller, limit uint64, options ...call.Option) func(func(*testv1.NumbersResponse, error) bool) {
	return call.Stream[*testv1.NumbersResponse](ctx, c, numbersMethod, &testv1.NumbersRequest{Limit: limit}, options...)
}

// echo answers with the text of the request.
func echo(_ context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	return &testv1.EchoResponse{Text: r.GetText()}, nil
}

// numbers counts to the limit.
func numbers(_ context.Context, r *testv1.NumbersRequest, send func(*testv1.NumbersResponse) error) error {
	for n := uint64(1); n <= r.GetLimit() || r.GetLimit() == 0; n++ {
		if err := send(&testv1.NumbersResponse{Number: n}); err != nil {
			return err
		}
	}
	return nil
}

// storeFunc is a handler of Store, numbersFunc one of Numbers.
type (
	storeFunc   = func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error)
	numbersFunc = func(context.Context, *testv1.NumbersRequest, func(*testv1.NumbersResponse) error) error
)

// handlers returns the EchoService without Store.
func handlers() *reactor.Handlers { return counting(numbers) }

// counting returns handlers with another Numbers.
func counting(f numbersFunc) *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, descriptorOf("Echo"), echo)
	reactor.StreamMethod(h, descriptorOf("Numbers"), f)
	return h
}

// storing returns the EchoService with this Store.
func storing(f storeFunc) *reactor.Handlers {
	h := handlers()
	reactor.HandleMethod(h, descriptorOf("Store"), f)
	return h
}

// depot is a Store that holds what it is asked for until the request's context
// ends or it is let go.
type depot struct {
	begun    chan context.Context
	proceed  chan struct{}
	executed atomic.Int64
}

func newDepot() *depot {
	return &depot{begun: make(chan context.Context, 1000), proceed: make(chan struct{})}
}

func (d *depot) store(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
	d.executed.Add(1)
	d.begun <- ctx
	select {
	case <-d.proceed:
		return &testv1.StoreResponse{Times: r.GetItem()}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// numbers sends one number and holds the stream.
func (d *depot) numbers(ctx context.Context, _ *testv1.NumbersRequest, send func(*testv1.NumbersResponse) error) error {
	d.begun <- ctx
	if err := send(&testv1.NumbersResponse{Number: 1}); err != nil {
		return err
	}
	select {
	case <-d.proceed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// handlers returns the service.
func (d *depot) handlers() *reactor.Handlers {
	h := counting(d.numbers)
	reactor.HandleMethod(h, descriptorOf("Store"), d.store)
	return h
}
