package service_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// steps is what happened, in order.
type steps struct {
	mu  sync.Mutex
	all []string
}

// note notes a step.
func (s *steps) note(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, step)
}

func TestInterceptorsStandAroundCallsAndHandlers(t *testing.T) {
	zmq := newContext(t)
	var log steps
	around := func(name string) call.Interceptor {
		return func(next call.Invoker) call.Invoker {
			return func(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
				log.note(name + " " + r.Method.Name)
				r.Metadata = map[string]string{"from": name}
				return next(ctx, r, each)
			}
		}
	}
	inside := func(next reactor.Invoker) reactor.Invoker {
		return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
			log.note("server, from " + c.Metadata["from"])
			return next(ctx, c)
		}
	}
	s := serve(t, zmq, handlers(), service.WithBind(inproc()), service.WithInterceptors(inside))
	c := clientOf(t, zmq, []*server{s}, service.WithCallInterceptors(around("outer"), around("inner")))
	wantEcho(t, c)
	want := []string{"outer " + echoMethod.Name, "inner " + echoMethod.Name, "server, from inner"}
	if !slices.Equal(log.all, want) {
		t.Errorf("got %q, want %q", log.all, want)
	}
}

func TestInterceptorSeesOneCallForAllItsTries(t *testing.T) {
	zmq := newContext(t)
	var f failing
	calls := 0
	count := func(next call.Invoker) call.Invoker {
		return func(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
			calls++
			return next(ctx, r, each)
		}
	}
	s := serve(t, zmq, serving(f.echo, f.store), service.WithBind(inproc()))
	c := clientOf(t, zmq, []*server{s}, service.WithTries(3), service.WithCallInterceptors(count))
	_, err := askEcho(patient(t), c, "x")
	wantCode(t, err, messaging.Unavailable)
	if calls != 1 {
		t.Errorf("the interceptor saw %d calls, want one", calls)
	}
}

func TestMetadataAndTraceContextReachTheHandler(t *testing.T) {
	trace := messaging.TraceContext{Parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", State: "a=b"}
	c, _ := pair(t, serving(func(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		if got := messaging.TraceContextFrom(ctx); got != trace {
			return nil, messaging.Errorf(messaging.InvalidArgument, "the trace context is %v", got)
		}
		return &testv1.EchoResponse{Text: reactor.CallFrom(ctx).Metadata["who"]}, nil
	}, store))
	got, err := askEcho(messaging.WithTraceContext(patient(t), trace), c, "x", call.WithMetadata("who", "me"))
	if ok(t, err); got != "me" {
		t.Errorf("the metadata is %q, want me", got)
	}
}

func TestErrorsOfHandlersKeepCodeMessageAndDetails(t *testing.T) {
	detail := &testv1.Note{Text: "the detail", Number: 7}
	c, _ := pair(t, storing(func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		return nil, messaging.Errorf(messaging.OutOfRange, "too far").WithDetails(detail)
	}))
	_, err := askStore(patient(t), c, 1)
	e := wantCode(t, err, messaging.OutOfRange)
	var got testv1.Note
	if e.Message != "too far" || len(e.Details) != 1 || e.Details[0].UnmarshalTo(&got) != nil || !proto.Equal(&got, detail) || !e.Remote() {
		t.Errorf("got %v with %v", e, e.Details)
	}
}

func TestPanicOfAHandlerIsInternalAndTellsNothing(t *testing.T) {
	c, _ := pair(t, storing(func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) { panic("a secret") }))
	_, err := askStore(patient(t), c, 1)
	e := wantCode(t, err, messaging.Internal)
	if strings.Contains(e.Message, "secret") || strings.Contains(e.Message, ".go") || len(e.Details) > 0 {
		t.Errorf("the error tells %q", e.Message)
	}
	wantEcho(t, c)
}

func TestStreamsComeInOrderAndEndWhenTheReaderLeaves(t *testing.T) {
	c, _ := pair(t, handlers())
	got := must(askNumbers(patient(t), c, 500))(t)
	if len(got) != 500 || !slices.IsSorted(got) {
		t.Errorf("got %d numbers, sorted %v", len(got), slices.IsSorted(got))
	}
	for r, err := range call.Stream[*testv1.NumbersResponse](patient(t), c, numbersMethod, &testv1.NumbersRequest{}) {
		if ok(t, err); r.GetNumber() == 100 {
			break
		}
	}
	eventually(t, "the endless stream has ended", func() bool { return statsOf(t, c, numbersMethod).GetInFlight() == 0 })
}

func TestOneWayCallsAreExecuted(t *testing.T) {
	depot := newDepot()
	c, _ := pair(t, storing(depot.store))
	ok(t, call.OneWay(patient(t), c, storeMethod, &testv1.StoreRequest{Item: 1}))
	receive(t, "the call", depot.begun)
	close(depot.proceed)
}

func TestPendingCallsAreReadLaterAndCancelled(t *testing.T) {
	depot := newDepot()
	c, _ := pair(t, storing(depot.store))
	p := goStore(patient(t), c, 1)
	cancelled := goStore(patient(t), c, 2)
	contexts := []context.Context{receive(t, "a call", depot.begun), receive(t, "a call", depot.begun)}
	cancelled.Cancel()
	_, err := cancelled.Wait(patient(t))
	wantCode(t, err, messaging.Cancelled)
	eventually(t, "one handler is cancelled", func() bool { return (contexts[0].Err() != nil) != (contexts[1].Err() != nil) })
	close(depot.proceed)
	if got := must(p.Wait(patient(t)))(t); got.GetTimes() != 1 {
		t.Errorf("the answer is %v", got)
	}
}

// servePlain serves notes as dīvidere's services do, plain envelopes only, until
// the test ends, and enters itself into a registry.
func servePlain(t testing.TB, n *names, name string) {
	t.Helper()
	zmq := newContext(t)
	socket := must(messaging.NewRep(zmq, tcp))(t)
	h := reactor.NewHandlers()
	reactor.Handle(h, func(_ context.Context, note *testv1.Note) (*testv1.Note, error) {
		if note.GetNumber() < 0 {
			return nil, messaging.Errorf(messaging.OutOfRange, "negative")
		}
		return &testv1.Note{Text: note.GetText(), Number: 2 * note.GetNumber()}, nil
	})
	r := must(reactor.New(h, []reactor.Socket{socket}, reactor.WithLogger(quiet)))(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		ok(t, <-ended)
		ok(t, socket.Close())
	})
	registration := n.client.Register(&mitterev1.Instance{
		Name: name, Id: "plain", Endpoints: socket.Endpoints(), Dialect: mitterev1.Dialect_DIALECT_PLAIN,
	}, time.Minute)
	ok(t, registration.Wait(patient(t)))
}

func TestPlainInstanceIsCalledByType(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	servePlain(t, n, "notes")
	c := must(service.NewClient(zmq, "notes", service.FromRegistry(n.endpoint)))(t)
	got := must(call.Unary[*testv1.Note](patient(t), c, call.ByType(), &testv1.Note{Text: "twice", Number: 21}))(t)
	if got.GetText() != "twice" || got.GetNumber() != 42 {
		t.Errorf("the answer is %v", got)
	}
	_, err := call.Unary[*testv1.Note](patient(t), c, call.ByType(), &testv1.Note{Number: -1})
	wantCode(t, err, messaging.OutOfRange)
	_, err = askNumbers(patient(t), c, 3)
	wantRefused(t, err, messaging.Unimplemented)
	ok(t, c.Close())
}

func TestHandlersOfTypesAreCalledByType(t *testing.T) {
	h := handlers()
	reactor.Handle(h, func(_ context.Context, note *testv1.Note) (*testv1.Note, error) { return note, nil })
	c, _ := pair(t, h)
	note := &testv1.Note{Text: "here"}
	if got := must(call.Unary[*testv1.Note](patient(t), c, call.ByType(), note))(t); !proto.Equal(got, note) {
		t.Errorf("the answer is %v", got)
	}
	eventually(t, "it is counted", func() bool {
		return statsOf(t, c, call.Method{Name: "mittere.test.v1.Note"}).GetRequests() == 1
	})
}

func TestClientOfAnotherNameIsRefused(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, handlers(), service.WithBind(inproc()))
	c := must(service.NewClient(zmq, "another", service.FromEndpoints(s.Endpoints()...), service.WithTries(2)))(t)
	_, err := askEcho(patient(t), c, "x")
	if e := wantRefused(t, err, messaging.NotFound); !strings.Contains(e.Message, fmt.Sprintf("this is %s, not another", echoService)) {
		t.Errorf("the error says %q", e.Message)
	}
	ok(t, c.Close())
}
