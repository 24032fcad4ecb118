package reactor_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

func TestRunReturnsNilWhenItsContextEnds(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	for name, options := range map[string][]reactor.Option{"sequential": nil, "pool": poolOf(3)} {
		t.Run(name, func(t *testing.T) {
			ok(t, serve(t, echoing(), sockets(rep), options...).stop())
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			ok(t, must(reactor.New(echoing(), sockets(rep), options...))(t).Run(ctx))
		})
	}
}

func TestRunTwiceIsAnError(t *testing.T) {
	started := make(chan struct{})
	r := serve(t, echoing(), sockets(newFeed(0)), reactor.WithStart(func(context.Context) error {
		close(started)
		return nil
	}))
	<-started
	wantCode(t, r.Run(t.Context()), messaging.FailedPrecondition)
	ok(t, r.stop())
	wantCode(t, r.Run(t.Context()), messaging.FailedPrecondition)
}

func TestClosedSocketEndsRun(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		rep := must(messaging.NewRep(zmq, at()))(t)
		other := must(messaging.NewPull(zmq, at()))(t)
		r := serve(t, echoing(), sockets(rep, other))
		wantEcho(t, newRequest(t, zmq, rep), "good")
		ok(t, other.Close())
		err := r.wait()
		wantCode(t, err, messaging.Unavailable)
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want net.ErrClosed", err)
		}
	})
}

func TestClosedContextEndsRun(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	r := serve(t, echoing(), sockets(rep))
	wantEcho(t, newRequest(t, zmq, rep), "good")
	ok(t, zmq.Close())
	if err := r.wait(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
}

// held is a handler that holds its messages until it is let go.
type held struct {
	arrived chan context.Context
	proceed chan struct{}
}

func newHeld() *held {
	return &held{arrived: make(chan context.Context, 1000), proceed: make(chan struct{})}
}

// handle does not look at its context.
func (h *held) handle(ctx context.Context, n *testv1.Note) (*testv1.Note, error) {
	h.arrived <- ctx
	<-h.proceed
	return n, nil
}

// handlers returns echo and the held one.
func (h *held) handlers() *reactor.Handlers {
	handlers := echoing()
	reactor.Handle(handlers, h.handle)
	return handlers
}

func TestRepliesOfRunningHandlersArriveWhenTheReactorStops(t *testing.T) {
	for name, options := range map[string][]reactor.Option{"sequential": nil, "pool": poolOf(8)} {
		t.Run(name, func(t *testing.T) {
			zmq := newContext(t)
			rep := must(messaging.NewRep(zmq, tcp))(t)
			held := newHeld()
			r := serve(t, held.handlers(), sockets(rep), options...)
			req := newRequest(t, zmq, rep)
			replies := make(chan error)
			go func() {
				_, err := req.Do(context.Background(), note(1))
				replies <- err
			}()
			ctx := <-held.arrived
			r.cancel()
			ok(t, ctx.Err())
			close(held.proceed)
			ok(t, <-replies)
			ok(t, r.stop())
			wantStats(t, r, reactor.Stats{Handled: 1})
		})
	}
}

// TestWhatWasReceivedIsServedWhenTheReactorStops has one message in a handler,
// a full queue behind it, and one in the receiver's hand.
func TestWhatWasReceivedIsServedWhenTheReactorStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := newHeld()
		pull := newFeed(1000)
		for i := range 1000 {
			pull.give(t, keyed("one key", i))
		}
		r := serve(t, held.handlers(), sockets(pull), reactor.WithPool(2, byText))
		synctest.Wait()
		received := 1000 - len(pull.in)
		r.cancel()
		synctest.Wait()
		close(held.proceed)
		ok(t, r.wait())
		wantStats(t, r, reactor.Stats{Handled: uint64(received)})
		if left := len(pull.in); left != 1000-received || received < reactor.DefaultQueue {
			t.Errorf("%d messages are left in the socket and %d were received, of 1000", left, received)
		}
	})
}

func TestWhatWasNotReceivedIsServedByTheNextReactor(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		const requests = 200 // more than a socket takes off libzmq at once
		zmq := newContext(t)
		rep := must(messaging.NewRep(zmq, at()))(t)
		held := newHeld()
		first := serve(t, held.handlers(), sockets(rep))
		req := newRequest(t, zmq, rep)
		var wg sync.WaitGroup
		for i := range requests {
			wg.Go(func() {
				reply, err := messaging.Call[*testv1.Note](patient(t), req, note(i))
				if err != nil || reply.GetNumber() != int64(i) {
					t.Errorf("note %d was answered by %v, %v", i, reply, err)
				}
			})
		}
		<-held.arrived
		first.cancel()
		close(held.proceed)
		ok(t, first.wait())
		if n := first.Stats().Handled; n != 1 {
			t.Errorf("%d messages were handled by the first reactor, want 1", n)
		}
		second := serve(t, noting(), sockets(rep))
		wg.Wait()
		ok(t, second.stop())
		wantStats(t, second, reactor.Stats{Handled: requests - 1})
	})
}

// obedient ends when its context ends, and says how.
func obedient(causes chan<- error) *reactor.Handlers {
	h := echoing()
	reactor.Handle(h, func(ctx context.Context, n *testv1.Note) (*testv1.Note, error) {
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return nil, ctx.Err()
	})
	return h
}

func TestContextsEndWhenTheStopTimeoutHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		causes := make(chan error, 1)
		pull := newFeed(1)
		pull.give(t, note(1))
		r := serve(t, obedient(causes), sockets(pull), reactor.WithStopTimeout(3*time.Second))
		synctest.Wait()
		began := time.Now()
		ok(t, r.stop())
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("Run returned after %v, want 3s", took)
		}
		if e := wantCode(t, <-causes, messaging.Unavailable); e.Message != "the reactor stopped" {
			t.Errorf("the context ended because of %q", e.Message)
		}
		wantStats(t, r, reactor.Stats{Handled: 1, Failed: 1})
	})
}

func TestHandlerThatEndsWithItsContextStillTellsItsCaller(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	causes := make(chan error, 1)
	started := make(chan struct{})
	announce := func(next reactor.Invoker) reactor.Invoker {
		return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
			close(started)
			return next(ctx, c)
		}
	}
	r := serve(t, obedient(causes), sockets(rep), reactor.WithStopTimeout(0), reactor.WithGrace(patience), reactor.WithInterceptors(announce))
	req := newRequest(t, zmq, rep)
	replies := make(chan error)
	go func() {
		_, err := req.Do(context.Background(), note(1))
		replies <- err
	}()
	<-started
	ok(t, r.stop())
	if e := wantCode(t, <-replies, messaging.Unavailable); !e.Remote() {
		t.Errorf("the caller got %v, not from the reactor", e)
	}
}

// TestWhatIsNotBegunInTimeIsRefused has a handler that works on after its context
// ended, with a message behind it: at another socket, which waits for its turn, or
// in the queue of the pool, which waits for the goroutine.
func TestWhatIsNotBegunInTimeIsRefused(t *testing.T) {
	for name, options := range map[string][]reactor.Option{"sequential": nil, "pool": {reactor.WithPool(1, byText)}} {
		t.Run(name, func(t *testing.T) {
			zmq := newContext(t)
			rep := must(messaging.NewRep(zmq, tcp))(t)
			second := must(messaging.NewRep(zmq, tcp))(t)
			held := newHeld()
			r := serve(t, held.handlers(), sockets(rep, second), append(options, reactor.WithStopTimeout(0), reactor.WithGrace(patience))...)
			call := func(to *messaging.Rep) <-chan error {
				answer := make(chan error, 1)
				go func() {
					_, err := newRequest(t, zmq, to).Do(context.Background(), note(1))
					answer <- err
				}()
				return answer
			}
			first := call(rep)
			ctx := <-held.arrived
			refused := call(second)
			eventually(t, "the second one waits", func() bool { return second.Stats().Received == 1 })
			r.cancel()
			<-ctx.Done()
			if options == nil { // nobody waits for the handler
				wantCode(t, <-refused, messaging.Unavailable)
			}
			close(held.proceed)
			ok(t, <-first)
			if options != nil {
				wantCode(t, <-refused, messaging.Unavailable)
			}
			ok(t, r.wait())
			wantStats(t, r, reactor.Stats{Handled: 1, Refused: 1})
		})
	}
}

func TestRunReturnsAlthoughAHandlerDoesNot(t *testing.T) {
	for name, options := range map[string][]reactor.Option{"sequential": nil, "pool": poolOf(2)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				held := newHeld()
				defer close(held.proceed)
				pull := newFeed(1)
				pull.give(t, note(1))
				options = append(options, reactor.WithStopTimeout(3*time.Second))
				r := serve(t, held.handlers(), sockets(pull), options...)
				<-held.arrived
				began := time.Now()
				wantCode(t, r.stop(), messaging.DeadlineExceeded)
				if took := time.Since(began); took != 4*time.Second {
					t.Errorf("Run returned after %v, want 4s", took)
				}
			})
		})
	}
}

func TestRunReturnsAlthoughAHookDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		defer close(proceed)
		hook := func(context.Context) error { <-proceed; return nil }
		r := serve(t, echoing(), sockets(newFeed(0)), reactor.WithTimer(time.Second, hook))
		time.Sleep(time.Minute)
		began := time.Now()
		wantCode(t, r.stop(), messaging.DeadlineExceeded)
		if took := time.Since(began); took != reactor.DefaultStopTimeout+time.Second {
			t.Errorf("Run returned after %v, want 6s", took)
		}
	})
}

func TestBothReasonsAreToldWhenASocketClosesAndAHandlerStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := newHeld()
		defer close(held.proceed)
		pull, closing := newFeed(1), newFeed(0)
		pull.give(t, note(1))
		r := serve(t, held.handlers(), sockets(pull, closing), reactor.WithStopTimeout(time.Second))
		<-held.arrived
		close(closing.closed)
		err := r.wait()
		if !errors.Is(err, net.ErrClosed) || !errors.Is(err, &messaging.Error{Code: messaging.DeadlineExceeded}) {
			t.Errorf("got %v, want both reasons", err)
		}
	})
}
