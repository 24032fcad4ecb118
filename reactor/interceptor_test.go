package reactor_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// serveWith runs a reactor with interceptors and returns a Request to it.
func serveWith(t *testing.T, h *reactor.Handlers, interceptors ...reactor.Interceptor) (*running, *messaging.Req) {
	t.Helper()
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	r := serve(t, h, sockets(rep), reactor.WithInterceptors(interceptors...))
	return r, newRequest(t, zmq, rep)
}

// before returns an interceptor that does something before the next one.
func before(do func(context.Context, *reactor.Call)) reactor.Interceptor {
	return func(next reactor.Invoker) reactor.Invoker {
		return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
			do(ctx, c)
			return next(ctx, c)
		}
	}
}

func TestInterceptorsStandAroundEveryHandlerTheFirstOutermost(t *testing.T) {
	var order []string
	note := func(what string) { order = append(order, what) }
	around := func(name string) reactor.Interceptor {
		return func(next reactor.Invoker) reactor.Invoker {
			return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
				note(name + " in")
				defer note(name + " out")
				return next(ctx, c)
			}
		}
	}
	h := reactor.NewHandlers()
	reactor.Observe(h, func(context.Context, *testv1.EchoRequest) error { note("handler"); return nil })
	pull := newFeed(1)
	pull.give(t, ask(""))
	r := serve(t, h, sockets(pull), reactor.WithInterceptors(around("a"), around("b")), reactor.WithInterceptors(around("c")))
	eventually(t, "it is handled", func() bool { return r.Stats().Handled == 1 })
	ok(t, r.stop())
	want := []string{"a in", "b in", "c in", "handler", "c out", "b out", "a out"}
	if !slices.Equal(order, want) {
		t.Errorf("order is %v, want %v", order, want)
	}
}

func TestInterceptorMayAnswerInPlaceOfTheHandler(t *testing.T) {
	closed := func(next reactor.Invoker) reactor.Invoker {
		return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
			switch c.Request.(*testv1.EchoRequest).GetText() {
			case "forbidden":
				return nil, messaging.Errorf(messaging.PermissionDenied, "not you")
			case "cached":
				return &testv1.EchoResponse{Text: "from the cache"}, nil
			}
			return next(ctx, c)
		}
	}
	_, req := serveWith(t, echoing(), closed)
	_, err := req.Do(patient(t), ask("forbidden"))
	wantCode(t, err, messaging.PermissionDenied)
	wantEqual(t, must(req.Do(patient(t), ask("cached")))(t), &testv1.EchoResponse{Text: "from the cache"})
	wantEcho(t, req, "other")
}

func TestInterceptorsSeeTheCallAndStreamsToo(t *testing.T) {
	zmq := newContext(t)
	var mu sync.Mutex
	var seen []string
	see := before(func(ctx context.Context, c *reactor.Call) {
		mu.Lock()
		defer mu.Unlock()
		if reactor.CallFrom(ctx) != c {
			t.Error("CallFrom gives another call")
		}
		seen = append(seen, c.Delivery.Type)
	})
	s, p := responseAndDealer(t, zmq, tcp)
	r := serve(t, counting(echoing()), sockets(s), reactor.WithInterceptors(see))
	wantEqual(t, p.answer(t, ask("a")), &testv1.EchoResponse{Text: "a"})
	wantEqual(t, p.answer(t, note(1)), &testv1.EchoResponse{Text: "0"})
	ok(t, r.stop())
	if !slices.Equal(seen, []string{"mittere.test.v1.EchoRequest", "mittere.test.v1.Note"}) {
		t.Errorf("seen %v", seen)
	}
}

func TestPanicOfAnInterceptorIsThatOfItsHandler(t *testing.T) {
	calls := 0
	r, req := serveWith(t, echoing(), before(func(context.Context, *reactor.Call) {
		if calls++; calls == 1 {
			panic(secret)
		}
	}))
	_, err := req.Do(patient(t), ask("first"))
	if e := wantCode(t, err, messaging.Internal); strings.Contains(e.Message, secret) {
		t.Errorf("the caller is told %q", e.Message)
	}
	wantEcho(t, req, "second")
	ok(t, r.stop())
	wantStats(t, r, reactor.Stats{Handled: 2, Failed: 1, Panicked: 1})
}

func TestRecoverReportsThePanicAndItsStack(t *testing.T) {
	type report struct {
		call  *reactor.Call
		value any
		stack string
	}
	reports := make(chan report, 1)
	tell := reactor.Recover(func(c *reactor.Call, value any, stack []byte) {
		reports <- report{c, value, string(stack)}
	})
	h := reactor.NewHandlers()
	reactor.Handle(h, func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) { panic(secret) })
	r, req := serveWith(t, h, tell)
	_, err := req.Do(patient(t), ask(""))
	wantCode(t, err, messaging.Internal)
	got := <-reports
	if got.value != secret || got.call.Delivery == nil || !strings.Contains(got.stack, "interceptor_test.go") {
		t.Errorf("reported %+v", got)
	}
	ok(t, r.stop())
	if s := r.Stats(); s.Panicked != 0 || s.Failed != 1 {
		t.Errorf("stats are %+v: this one took the panic, so that the reactor saw an error", s)
	}
}

func TestPanicOfTheReportIsSurvived(t *testing.T) {
	h := reactor.NewHandlers()
	reactor.Handle(h, func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) { panic("one") })
	_, req := serveWith(t, h, reactor.Recover(func(*reactor.Call, any, []byte) { panic("two") }))
	_, err := req.Do(patient(t), ask(""))
	wantCode(t, err, messaging.Internal)
}

func TestLogTellsOfEachCall(t *testing.T) {
	log := &journal{}
	h := echoing()
	reactor.Observe(h, func(context.Context, *testv1.Note) error { return errors.New("just so") })
	reactor.Observe(h, func(context.Context, *testv1.Blob) error { panic(secret) })
	r, req := serveWith(t, h, reactor.Log(slog.New(log)))
	wantEcho(t, req, "good")
	_, err := req.Do(patient(t), note(1))
	wantCode(t, err, messaging.Unknown)
	_, err = req.Do(patient(t), &testv1.Blob{})
	wantCode(t, err, messaging.Internal)
	ok(t, r.stop())
	var got []string
	for _, line := range log.all("handled") {
		got = append(got, line["level"]+" "+line["name"]+" "+line["result"])
		if _, err := time.ParseDuration(line["took"]); err != nil {
			t.Errorf("took: %v", err)
		}
	}
	want := []string{
		"DEBUG mittere.test.v1.EchoRequest ok",
		"WARN mittere.test.v1.Note just so",
		"WARN mittere.test.v1.Blob panic",
	}
	if !slices.Equal(got, want) {
		t.Errorf("logged %q, want %q", got, want)
	}
}

func TestDeadlineEndsTheContextOfAHandlerAndTheCallerIsTold(t *testing.T) {
	h := echoing()
	reactor.Handle(h, func(ctx context.Context, _ *testv1.Note) (*testv1.Note, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	reactor.Handle(h, func(ctx context.Context, _ *testv1.Blob) (*testv1.Blob, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	})
	_, req := serveWith(t, h, reactor.Deadline(time.Millisecond))
	_, err := req.Do(patient(t), note(1))
	wantCode(t, err, messaging.DeadlineExceeded)
	_, err = req.Do(patient(t), &testv1.Blob{})
	if e := wantCode(t, err, messaging.DeadlineExceeded); e.Message != "the handler of mittere.test.v1.Blob took longer than 1ms" {
		t.Errorf("the caller is told %q", e.Message)
	}
}

func TestDeadlineIsExactAndOfEachCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		h := reactor.NewHandlers()
		reactor.Observe(h, func(ctx context.Context, n *testv1.Note) error {
			select {
			case <-time.After(time.Duration(n.GetNumber()) * time.Second):
			case <-ctx.Done():
				if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
					t.Errorf("the context ended because of %v", ctx.Err())
				}
			}
			return d.hook(0)(ctx)
		})
		pull := newFeed(3)
		pull.give(t, note(10)) // 0 to 4 s
		pull.give(t, note(1))  // 4 to 5 s
		pull.give(t, note(10)) // 5 to 9 s
		r := serve(t, h, sockets(pull), reactor.WithInterceptors(reactor.Deadline(4*time.Second)))
		time.Sleep(time.Minute)
		ok(t, r.stop())
		d.want(t, 4, 5, 9)
	})
}

func TestDeadlineThatIsNotReachedLeavesNothingBehind(t *testing.T) {
	_, req := serveWith(t, echoing(), reactor.Deadline(time.Hour))
	wantEcho(t, req, "good")
}
