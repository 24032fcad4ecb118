package service_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/expect"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service"
)

const (
	// patience ends tests that would hang for ever; nothing is measured with it.
	patience = expect.Patience
	// atOnce is what takes no longer than a slow machine needs, and far less than patience.
	atOnce = 10 * time.Second
	// often is a heartbeat by which a test notices a paused process soon.
	often = 100 * time.Millisecond
	// tcp takes a free port.
	tcp = "tcp://127.0.0.1:*"
	// echoService is the name of the service that the tests serve.
	echoService = "mittere.test.v1.EchoService"
)

// quiet logs nothing.
var quiet = slog.New(slog.DiscardHandler)

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
	zmq := must(comm.NewContext(comm.WithPoison(), comm.WithLogger(quiet)))(t)
	t.Cleanup(func() {
		if err := zmq.Close(); err != nil {
			t.Errorf("close the context: %v", err)
		}
	})
	return zmq
}

// within returns a context with a deadline.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// patient returns a context for calls that must not hang.
func patient(t testing.TB) context.Context { return within(t, patience) }

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

// inproc returns an endpoint that nobody uses.
func inproc() string { return "inproc://" + strconv.FormatInt(inprocNames.Add(1), 10) }

// server is a service that runs.
type server struct {
	*service.Server
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of Run, once it ended
}

// serve runs a service of its default name until the test ends.
func serve(t testing.TB, zmq *comm.Context, h *reactor.Handlers, options ...service.ServerOption) *server {
	t.Helper()
	s := must(service.NewServer(zmq, "", h, append([]service.ServerOption{service.WithLogger(quiet)}, options...)...))(t)
	return run(t, s)
}

// run runs a service until the test ends.
func run(t testing.TB, made *service.Server) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{Server: made, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.err = s.Run(ctx)
	}()
	t.Cleanup(func() {
		s.stop()
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// stop ends the service and returns what Run did.
func (s *server) stop() error {
	s.cancel()
	<-s.ended
	return s.err
}

// newClient returns a client until the test ends.
func newClient(t testing.TB, zmq *comm.Context, from service.Source, options ...service.ClientOption) *service.Client {
	t.Helper()
	c := must(service.NewClient(zmq, echoService, from, options...))(t)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the client: %v", err)
		}
	})
	return c
}

// clientOf returns a client of services, when each of them can be called.
func clientOf(t testing.TB, zmq *comm.Context, servers []*server, options ...service.ClientOption) *service.Client {
	t.Helper()
	var endpoints []string
	for _, s := range servers {
		endpoints = append(endpoints, s.Endpoints()[0])
	}
	c := newClient(t, zmq, service.FromEndpoints(endpoints...), options...)
	awaitReady(t, c, len(servers))
	return c
}

// pair returns a service that runs, and a client of it.
func pair(t testing.TB, h *reactor.Handlers, options ...service.ServerOption) (*service.Client, *server) {
	t.Helper()
	zmq := newContext(t)
	s := serve(t, zmq, h, append([]service.ServerOption{service.WithBind(inproc())}, options...)...)
	return clientOf(t, zmq, []*server{s}, service.WithTries(1)), s
}

// ready returns the ids of the instances that a client would call now.
func ready(c *service.Client) (ids []string) {
	for _, m := range c.Members() {
		if m.Ready {
			ids = append(ids, m.Instance.GetId())
		}
	}
	return ids
}

// awaitReady waits until a client can call so many instances, no more or less.
func awaitReady(t testing.TB, c *service.Client, instances int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d instances can be called", instances), func() bool { return len(ready(c)) == instances })
}

// names is a registry that runs, with a client of it.
type names struct {
	*registry.Server
	client   *registry.Client
	endpoint string
}

// serveNames runs a registry until the test ends.
func serveNames(t testing.TB, zmq *comm.Context, endpoint string) *names {
	t.Helper()
	s := must(registry.NewServer(zmq, endpoint, registry.WithLogger(quiet)))(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	n := &names{Server: s, endpoint: s.Endpoints()[0]}
	n.client = must(registry.NewClient(zmq, n.endpoint))(t)
	t.Cleanup(func() {
		ok(t, n.client.Close())
		cancel()
		if err := errors.Join(<-ended, s.Close()); err != nil {
			t.Errorf("the registry: %v", err)
		}
	})
	return n
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

// askEcho makes a call of Echo.
func askEcho(ctx context.Context, c call.Caller, text string, options ...call.Option) (string, error) {
	r, err := call.Unary[*testv1.EchoResponse](ctx, c, echoMethod, &testv1.EchoRequest{Text: text}, options...)
	return r.GetText(), err
}

// wantEcho checks that a good call is answered, and returns by whom.
func wantEcho(t testing.TB, c call.Caller) (instance string) {
	t.Helper()
	var timing call.Timing
	if got := must(askEcho(patient(t), c, "hello", call.WithTiming(&timing)))(t); got != "hello" {
		t.Fatalf("the answer is %q, want hello", got)
	}
	return timing.Instance
}

// askStore makes a call of Store.
func askStore(ctx context.Context, c call.Caller, item uint64, options ...call.Option) (*testv1.StoreResponse, error) {
	return call.Unary[*testv1.StoreResponse](ctx, c, storeMethod, &testv1.StoreRequest{Item: item}, options...)
}

// goStore begins a call of Store.
func goStore(ctx context.Context, c call.Caller, item uint64) *call.Pending[*testv1.StoreResponse] {
	return call.Go(ctx, call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](c, storeMethod), &testv1.StoreRequest{Item: item})
}

// askNumbers makes a call of Numbers and returns the items.
func askNumbers(ctx context.Context, c call.Caller, limit uint64) (got []uint64, err error) {
	for r, err := range call.Stream[*testv1.NumbersResponse](ctx, c, numbersMethod, &testv1.NumbersRequest{Limit: limit}) {
		if err != nil {
			return got, err
		}
		got = append(got, r.GetNumber())
	}
	return got, nil
}

// echo answers with the text of the request.
func echo(_ context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	return &testv1.EchoResponse{Text: r.GetText()}, nil
}

// store answers with the item of the request.
func store(_ context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
	return &testv1.StoreResponse{Times: r.GetItem()}, nil
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

// storeFunc is a handler of Store, echoFunc one of Echo.
type (
	storeFunc = func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error)
	echoFunc  = func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error)
)

// handlers returns the EchoService.
func handlers() *reactor.Handlers { return serving(echo, store) }

// storing returns the EchoService with this Store.
func storing(f storeFunc) *reactor.Handlers { return serving(echo, f) }

// serving returns the EchoService with this Echo and this Store.
func serving(e echoFunc, s storeFunc) *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, descriptorOf("Echo"), e)
	reactor.HandleMethod(h, descriptorOf("Store"), s)
	reactor.StreamMethod(h, descriptorOf("Numbers"), numbers)
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
