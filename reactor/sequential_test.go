package reactor_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// alone checks that nobody else is inside. total is there for the race detector:
// nothing guards it but the turn.
type alone struct {
	t      *testing.T
	inside atomic.Int32
	total  int
}

// visit is what handlers and hooks do.
func (a *alone) visit() {
	if n := a.inside.Add(1); n != 1 {
		a.t.Errorf("%d are inside at once", n)
	}
	a.total++
	a.inside.Add(-1)
}

func TestSequentialReactorNeverRunsTwoHandlersAtOnce(t *testing.T) {
	const rounds, callers = 100, 3
	zmq := newContext(t)
	a := &alone{t: t}
	h := reactor.NewHandlers()
	reactor.Handle(h, func(ctx context.Context, m *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		a.visit()
		return echo(ctx, m)
	})
	notes := make(chan *testv1.Note, 1000)
	reactor.Observe(h, func(_ context.Context, n *testv1.Note) error {
		a.visit()
		notes <- n
		return nil
	})
	hook := func(context.Context) error { a.visit(); return nil }

	var wg sync.WaitGroup
	var list []reactor.Socket
	var asking []peer
	for range callers {
		for _, kind := range replying {
			s, p := kind.make(t, zmq, inprocEndpoint(t))
			list, asking = append(list, s), append(asking, p)
		}
	}
	pull, push := pullAndPush(t, zmq, inprocEndpoint(t))
	r := serve(t, h, append(list, pull), reactor.WithStart(hook),
		reactor.WithTimer(time.Millisecond, hook), reactor.WithIdle(time.Millisecond, hook))
	for i, p := range asking {
		wg.Go(func() { askAndCompare(t, p, i, rounds) })
	}
	for i := range rounds {
		ok(t, push.send(patient(t), note(i)))
	}
	wg.Wait()
	wantAll(t, notes, rounds)
	ok(t, r.stop())
	if least := rounds*(len(asking)+1) + 1; a.total < least {
		t.Errorf("%d visits, want %d and those of the timers", a.total, least)
	}
}

// TestSequentialReactorLetsHooksAndHandlersWaitForEachOther makes each take so
// long that the others are due meanwhile.
func TestSequentialReactorLetsHooksAndHandlersWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &alone{t: t}
		stay := func(d time.Duration) error {
			a.inside.Add(1)
			time.Sleep(d)
			a.inside.Add(-1)
			a.visit()
			return nil
		}
		h := reactor.NewHandlers()
		reactor.Observe(h, func(context.Context, *testv1.Note) error { return stay(7 * time.Second) })
		hook := func(context.Context) error { return stay(5 * time.Second) }
		one, two := newFeed(10), newFeed(10)
		for i := range 10 {
			one.give(t, note(i))
			two.give(t, note(i))
		}
		r := serve(t, h, sockets(one, two), reactor.WithTimer(2*time.Second, hook),
			reactor.WithTimer(3*time.Second, hook), reactor.WithIdle(time.Second, hook), reactor.WithStopTimeout(time.Minute))
		time.Sleep(10 * time.Minute)
		ok(t, r.stop())
		if a.total < 20 {
			t.Errorf("%d visits, want 20 messages and the hooks", a.total)
		}
	})
}

func TestMessagesOfOneSocketAreHandledInTheirOrder(t *testing.T) {
	const messages = 2000
	zmq := newContext(t)
	var list []reactor.Socket
	var pushes []peer
	for range 4 {
		s, p := pullAndPush(t, zmq, inprocEndpoint(t))
		list, pushes = append(list, s), append(pushes, p)
	}
	h := reactor.NewHandlers()
	last := map[string]int64{} // nothing guards it but the turn
	all := make(chan struct{})
	handled := 0
	reactor.Observe(h, func(_ context.Context, n *testv1.Note) error {
		if n.GetNumber() != last[n.GetText()] {
			t.Errorf("%s has number %d, want %d", n.GetText(), n.GetNumber(), last[n.GetText()])
		}
		last[n.GetText()]++
		if handled++; handled == messages*len(pushes) {
			close(all)
		}
		return nil
	})
	serve(t, h, list)
	for i, p := range pushes {
		go func() {
			for j := range messages {
				check(t, p.send(context.Background(), &testv1.Note{Text: fmt.Sprint("socket ", i), Number: int64(j)}))
			}
		}()
	}
	<-all
}

func TestSequentialReactorServesAllSocketsInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flooded, quiet := newFeed(1000), newFeed(1)
		for i := range 1000 {
			flooded.give(t, note(i))
		}
		h := reactor.NewHandlers()
		var handled, seen atomic.Int32
		reactor.Observe(h, func(context.Context, *testv1.Note) error {
			handled.Add(1)
			time.Sleep(time.Second)
			return nil
		})
		reactor.Observe(h, func(context.Context, *testv1.Blob) error { seen.Store(handled.Load()); return nil })
		serve(t, h, sockets(flooded, quiet), reactor.WithStopTimeout(time.Hour))
		time.Sleep(10*time.Second + time.Millisecond)
		before := handled.Load()
		quiet.give(t, &testv1.Blob{})
		time.Sleep(2 * time.Second)
		if n := seen.Load(); n == 0 || n > before+1 {
			t.Errorf("the quiet socket was served after %d messages of the other, want %d", n, before)
		}
	})
}

func TestReplyIsNotHeldUpByMessagesOfOtherSockets(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	flood := newFeed(0)
	h := echoing()
	reactor.Observe(h, func(context.Context, *testv1.Note) error { return nil })
	serve(t, h, sockets(rep, flood))
	flooding, done := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for flooding.Err() == nil {
			flood.give(t, note(1))
		}
	})
	req := newRequest(t, zmq, rep)
	for i := range 100 {
		wantEcho(t, req, fmt.Sprint(i))
	}
	done()
	wg.Wait()
}
