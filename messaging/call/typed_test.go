package call_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

func TestCallsOfAllKindsAreAnswered(t *testing.T) {
	onEachTransport(t, func(t *testing.T, endpoint string) {
		stored := make(chan uint64, 10)
		conn, _ := pair(t, endpoint, storing(func(_ context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
			stored <- r.GetItem()
			return &testv1.StoreResponse{Times: r.GetItem()}, nil
		}))
		for _, text := range []string{"", "small", strings.Repeat("large", 100_000)} {
			wantEcho(t, conn, text)
		}
		ok(t, call.OneWay(patient(t), conn, storeMethod, &testv1.StoreRequest{Item: 7}))
		if item := receive(t, "the one-way call", stored); item != 7 {
			t.Errorf("got %d, want 7", item)
		}
		last := uint64(0)
		for item, err := range askNumbers(patient(t), conn, 1000) {
			ok(t, err)
			if last++; item.GetNumber() != last {
				t.Fatalf("item %d came as number %d", item.GetNumber(), last)
			}
		}
		pending := call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, storeMethod), &testv1.StoreRequest{Item: 8})
		<-pending.Done()
		for range 2 {
			wantEqual(t, must(pending.Wait(t.Context()))(t), &testv1.StoreResponse{Times: 8})
		}
		byType := must(call.Unary[*testv1.StoreResponse](patient(t), conn, call.ByType(), &testv1.StoreRequest{Item: 9}))(t)
		wantEqual(t, byType, &testv1.StoreResponse{Times: 9})
	})
}

func TestStreamCanBeReadAgain(t *testing.T) {
	conn, _ := pair(t, tcp, handlers())
	stream := askNumbers(patient(t), conn, 3)
	for range 2 {
		n := 0
		for _, err := range stream {
			ok(t, err)
			n++
		}
		if n != 3 {
			t.Errorf("%d items, want 3", n)
		}
	}
}

func TestMetadataTraceAndTimingTravel(t *testing.T) {
	const parent, state = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "congo=t61rcWkgMzE"
	onEachTransport(t, func(t *testing.T, endpoint string) {
		zmq := newContext(t)
		traces := make(chan messaging.TraceContext, 1)
		last := serve(t, zmq, inprocEndpoint(t), storing(func(ctx context.Context, _ *testv1.StoreRequest) (*testv1.StoreResponse, error) {
			traces <- messaging.TraceContextFrom(ctx)
			return &testv1.StoreResponse{}, nil
		}))
		next := dial(t, zmq, last.endpoint())
		metadata := make(chan map[string]string, 1)
		s := serve(t, zmq, endpoint, storing(func(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
			metadata <- reactor.CallFrom(ctx).Metadata
			time.Sleep(10 * time.Millisecond) // what is measured
			return askStore(ctx, next, r.GetItem())
		}), reactor.WithIdentity("depot", "depot-1"))
		conn := dial(t, zmq, s.endpoint(), call.WithService("depot"))
		var timing call.Timing
		ctx := messaging.WithTraceContext(patient(t), messaging.TraceContext{Parent: parent, State: state})
		must(askStore(ctx, conn, 1, call.WithMetadata("a", "1"), call.WithMetadata("b", "2"), call.WithTiming(&timing)))(t)
		if got := <-metadata; len(got) != 2 || got["a"] != "1" || got["b"] != "2" {
			t.Errorf("the metadata are %v", got)
		}
		if got := <-traces; got.Parent != parent || got.State != state {
			t.Errorf("the trace context is %v", got)
		}
		if timing.Executed < 10*time.Millisecond || timing.Executed > patience || timing.Instance != "depot-1" {
			t.Errorf("the timing is %+v", timing)
		}
	})
}

func TestTimingTellsHowLongACallWaited(t *testing.T) {
	depot := newDepot()
	conn, s := pair(t, tcp, depot.handlers())
	first := call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, storeMethod), &testv1.StoreRequest{})
	receive(t, "the first call", depot.begun)
	var timing call.Timing
	second := call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, storeMethod), &testv1.StoreRequest{}, call.WithTiming(&timing))
	eventually(t, "the second waits", func() bool { return s.Stats().Queued == 1 })
	<-time.After(20 * time.Millisecond) // what is measured
	close(depot.proceed)
	must(first.Wait(patient(t)))(t)
	must(second.Wait(patient(t)))(t)
	if timing.Waited < 20*time.Millisecond || timing.Executed > timing.Waited {
		t.Errorf("the timing is %+v", timing)
	}
}

func TestRequestForAnotherServiceIsRefused(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp, handlers(), reactor.WithIdentity("depot", ""))
	_, err := askEcho(patient(t), dial(t, zmq, s.endpoint(), call.WithService("store")), "lost")
	wantRefused(t, err, messaging.NotFound)
	wantEcho(t, dial(t, zmq, s.endpoint()), "any")
}

func TestInterceptorsOfBothSidesSeeEachCall(t *testing.T) {
	zmq := newContext(t)
	var mu sync.Mutex
	var seen []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, what)
	}
	around := func(name string) call.Interceptor {
		return func(next call.Invoker) call.Invoker {
			return func(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
				note(name + " before")
				defer note(name + " after")
				r.Metadata = map[string]string{"from": name}
				return next(ctx, r, func(e *messaging.Envelope) error { note(name + " item"); return each(e) })
			}
		}
	}
	s := serve(t, zmq, tcp, handlers(), reactor.WithInterceptors(func(next reactor.Invoker) reactor.Invoker {
		return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
			note("server " + c.Name() + " for " + c.Metadata["from"])
			return next(ctx, c)
		}
	}))
	c := call.Intercept(dial(t, zmq, s.endpoint()), around("outer"), around("inner"))
	wantEcho(t, c, "seen")
	want := "outer before, inner before, server mittere.test.v1.EchoService/Echo for inner, inner item, outer item, inner after, outer after"
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// failures are handlers that fail, and what their callers see.
var failures = []struct {
	name  string
	store storeFunc
	code  messaging.Code
	text  string
}{
	{"typed error", func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		return nil, messaging.Errorf(messaging.NotFound, "no such item").WithDetails(&testv1.Note{Text: "detail"})
	}, messaging.NotFound, "no such item"},
	{"plain error", func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		return nil, errors.New("something")
	}, messaging.Unknown, "something"},
	{"nothing", func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		return nil, nil
	}, messaging.Internal, "returned nothing"},
	{"nil error in an interface", func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		return nil, (*messaging.Error)(nil)
	}, messaging.Internal, "nil"},
	{"panic", func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		panic("secret")
	}, messaging.Internal, "panicked"},
	{"invalid text", func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		return &testv1.StoreResponse{Instance: "\xff"}, nil
	}, messaging.Internal, ""},
	{"too large", func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		return &testv1.StoreResponse{Instance: strings.Repeat("x", 20_000)}, nil
	}, messaging.ResourceExhausted, ""},
	{"too large error", func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		return nil, messaging.Errorf(messaging.Aborted, "%s", strings.Repeat("x", 20_000))
	}, messaging.ResourceExhausted, ""},
}

func TestFailureOfAHandlerReachesTheCaller(t *testing.T) {
	for _, test := range failures {
		t.Run(test.name, func(t *testing.T) {
			zmq := newContext(t)
			socket := must(messaging.NewServer(zmq, tcp, messaging.WithSocket(comm.WithMaxFrameSize(10_000))))(t)
			conn := dial(t, zmq, serveOn(t, socket, storing(test.store)).endpoint())
			_, err := askStore(patient(t), conn, 1)
			typed := wantCode(t, err, test.code)
			if !typed.Remote() || typed.Refused() {
				t.Errorf("%v: remote %v, refused %v", err, typed.Remote(), typed.Refused())
			}
			if !strings.Contains(typed.Message, test.text) || strings.Contains(typed.Message, "secret") || strings.Contains(typed.Message, ".go") {
				t.Errorf("%v: want %q in it and nothing secret", err, test.text)
			}
			if test.name == "typed error" {
				var detail testv1.Note
				ok(t, typed.Details[0].UnmarshalTo(&detail))
				wantEqual(t, &detail, &testv1.Note{Text: "detail"})
			}
			wantEcho(t, conn, "it goes on")
		})
	}
}

func TestItemThatIsTooLargeEndsTheStream(t *testing.T) {
	zmq := newContext(t)
	socket := must(messaging.NewServer(zmq, tcp, messaging.WithSocket(comm.WithMaxFrameSize(10_000))))(t)
	h := reactor.NewHandlers()
	reactor.Stream(h, func(_ context.Context, n *testv1.Note, send func(*testv1.Blob) error) error {
		for i := range n.GetNumber() {
			if err := send(&testv1.Blob{Data: make([]byte, i*6_000)}); err != nil {
				return err
			}
		}
		return nil
	})
	conn := dial(t, zmq, serveOn(t, socket, h).endpoint())
	items := 0
	var last error
	for _, err := range call.Stream[*testv1.Blob](patient(t), conn, call.Method{Streaming: true}, &testv1.Note{Number: 5}) {
		if last = err; err == nil {
			items++
		}
	}
	if wantCode(t, last, messaging.ResourceExhausted); items != 2 {
		t.Errorf("%d items came before, want 2", items)
	}
}

// calls that cannot be made, and why.
var wrongCalls = []struct {
	name string
	call func(context.Context, call.Caller) error
	code messaging.Code
}{
	{"unknown method", func(ctx context.Context, c call.Caller) error {
		_, err := call.Unary[*testv1.EchoResponse](ctx, c, call.Method{Name: "mittere.test.v1.EchoService/None"}, &testv1.EchoRequest{})
		return err
	}, messaging.Unimplemented},
	{"unknown type", func(ctx context.Context, c call.Caller) error {
		_, err := call.Unary[*testv1.EchoResponse](ctx, c, call.ByType(), &testv1.Blob{})
		return err
	}, messaging.Unimplemented},
	{"wrong request", func(ctx context.Context, c call.Caller) error {
		_, err := call.Unary[*testv1.EchoResponse](ctx, c, echoMethod, &testv1.Blob{})
		return err
	}, messaging.InvalidArgument},
	{"no request", func(ctx context.Context, c call.Caller) error {
		_, err := call.Unary[*testv1.EchoResponse](ctx, c, echoMethod, nil)
		return err
	}, messaging.InvalidArgument},
	{"invalid text", func(ctx context.Context, c call.Caller) error {
		_, err := askEcho(ctx, c, "\xff")
		return err
	}, messaging.InvalidArgument},
	{"invalid metadata", func(ctx context.Context, c call.Caller) error {
		_, err := askEcho(ctx, c, "good", call.WithMetadata("key", "\xff"))
		return err
	}, messaging.InvalidArgument},
	{"one answer of a stream", func(ctx context.Context, c call.Caller) error {
		_, err := call.Unary[*testv1.NumbersResponse](ctx, c, call.Method{Name: numbersMethod.Name}, &testv1.NumbersRequest{Limit: 1})
		return err
	}, messaging.FailedPrecondition},
}

func TestCallThatCannotBeMadeIsRefused(t *testing.T) {
	conn, _ := pair(t, tcp, handlers())
	for _, test := range wrongCalls {
		t.Run(test.name, func(t *testing.T) {
			wantRefused(t, test.call(patient(t), conn), test.code)
			wantEcho(t, conn, "it goes on")
		})
	}
}

func TestAnswerOfAnotherTypeIsAnError(t *testing.T) {
	conn, _ := pair(t, tcp, handlers())
	_, err := call.Unary[*testv1.Note](patient(t), conn, echoMethod, &testv1.EchoRequest{})
	wantCode(t, err, messaging.InvalidArgument)
	n := 0
	for _, err := range call.Stream[*testv1.EchoResponse](patient(t), conn, echoMethod, &testv1.EchoRequest{}) {
		ok(t, err)
		n++
	}
	if n != 1 {
		t.Errorf("%d items, want the one answer", n)
	}
}

func TestPlainCallerIsServedBesideCommandsAndByAResponse(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp, storing(func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		return nil, messaging.Errorf(messaging.Aborted, "no")
	}))
	rep := must(messaging.NewRep(zmq, tcp))(t)
	serveOn(t, rep, handlers())
	for name, endpoint := range map[string]string{"server": s.endpoint(), "response": rep.Endpoints()[0]} {
		t.Run(name, func(t *testing.T) {
			plain := must(call.DialPlain(zmq, endpoint))(t)
			defer plain.Close()
			wantEcho(t, plain, "plain")
			for _, err := range askNumbers(patient(t), plain, 3) {
				wantRefused(t, err, messaging.Unimplemented)
			}
			ok(t, call.OneWay(patient(t), plain, echoMethod, &testv1.EchoRequest{}))
			_, err := askStore(patient(t), plain, 1)
			if code := wantCode(t, err, messaging.CodeOf(err)); !code.Remote() || !isOneOf(err, messaging.Aborted, messaging.Unimplemented) {
				t.Errorf("got %v", err)
			}
		})
	}
	wantEcho(t, dial(t, zmq, s.endpoint()), "beside")
}
