package reactor_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

// moody is an EchoService whose Store is short, until it is told to do something else.
type moody struct {
	mood atomic.Pointer[func(context.Context) error]
}

func (m *moody) store(ctx context.Context, _ *testv1.StoreRequest) (*testv1.StoreResponse, error) {
	if mood := m.mood.Load(); mood != nil {
		return &testv1.StoreResponse{}, (*mood)(ctx)
	}
	return &testv1.StoreResponse{}, nil
}

// serve runs a reactor that serves calls.
func (m *moody) serve(t testing.TB, zmq *comm.Context, options ...reactor.Option) (r *running, conn *call.Conn) {
	t.Helper()
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, serviceMethod("Echo"), echo)
	reactor.HandleMethod(h, serviceMethod("Store"), m.store)
	server := must(messaging.NewServer(zmq, tcp))(t)
	r = serve(t, h, sockets(server), append(options, reactor.WithPool(2, nil))...)
	return r, dial(t, zmq, of(server))
}

// store calls Store.
func store(ctx context.Context, conn *call.Conn) error {
	_, err := call.Unary[*testv1.StoreResponse](ctx, conn, call.MethodOf(serviceMethod("Store")), &testv1.StoreRequest{})
	return err
}

// inline calls Store until who receives has run it once more.
func inline(t testing.TB, r *running, conn *call.Conn) {
	t.Helper()
	before := r.Inlined()
	eventually(t, "who receives runs a handler", func() bool {
		ok(t, store(patient(t), conn))
		return r.Inlined() > before
	})
}

// stall returns when the receiver runs a Store that is not short at all: it goes on
// until its context ends, as when its caller cancels, who gets the error.
func (m *moody) stall(t testing.TB, r *running, conn *call.Conn) (cancel context.CancelFunc, answer <-chan error) {
	t.Helper()
	for {
		inline(t, r, conn)
		before := r.Inlined()
		begun, proceed, err := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		mood := func(ctx context.Context) error {
			close(begun)
			select {
			case <-proceed:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		m.mood.Store(&mood)
		ctx, cancel := context.WithCancel(patient(t))
		go func() { err <- store(ctx, conn) }()
		<-begun
		m.mood.Store(nil)
		if r.Inlined() > before {
			return cancel, err
		}
		close(proceed)
		ok(t, <-err)
		cancel()
	}
}

func TestHandlerThatIsNotShortAfterAllHoldsUpNobody(t *testing.T) {
	var m moody
	r, conn := m.serve(t, newContext(t))
	for range 3 {
		cancel, answer := m.stall(t, r, conn)
		wantCallEcho(t, conn)
		cancel()
		wantCode(t, <-answer, messaging.Cancelled)
		wantCallEcho(t, conn)
	}
	ok(t, r.Drain(patient(t))) // for the server heard of it
}

func TestReactorStopsWhileWhoReceivesRunsAHandler(t *testing.T) {
	var m moody
	r, conn := m.serve(t, newContext(t), reactor.WithStopTimeout(20*time.Millisecond))
	cancel, answer := m.stall(t, r, conn)
	defer cancel()
	ok(t, r.stop())
	wantCode(t, <-answer, messaging.Unavailable)
}

func TestHandlerThatEndsItsGoroutineTakesNothingWithIt(t *testing.T) {
	var m moody
	r, conn := m.serve(t, newContext(t))
	for range 10 { // more than may run at once
		inline(t, r, conn)
		exit := func(context.Context) error { runtime.Goexit(); return nil }
		m.mood.Store(&exit)
		short, cancel := context.WithTimeout(patient(t), 20*time.Millisecond)
		wantCode(t, store(short, conn), messaging.DeadlineExceeded)
		cancel()
		m.mood.Store(nil)
		wantCallEcho(t, conn)
	}
}
