package reactor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// narrow makes a socket that queues one message for each peer.
func narrow() messaging.Option { return messaging.WithSocket(comm.WithHighWaterMark(1)) }

// slow is a client that asks and does not read.
type slow struct{ *messaging.Dealer }

// newSlow returns a slow client of a socket.
func newSlow(t testing.TB, zmq *comm.Context, of interface{ Endpoints() []string }) slow {
	return slow{must(messaging.NewDealer(zmq, of.Endpoints()[0], narrow()))(t)}
}

// ask sends notes with numbers from 0 to n-1.
func (s slow) ask(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		ok(t, s.Send(patient(t), note(i)))
	}
}

// askUntil sends notes with numbers from 0 until what it waits for has happened,
// however much the system's own buffers hold, and returns how many. Each is handled
// before the next is sent, so that no more replies wait than were asked for.
func (s slow) askUntil(t testing.TB, r *running, happened func() bool) (n int) {
	t.Helper()
	for before := r.Stats().Handled; !happened(); {
		ok(t, s.Send(patient(t), note(n)))
		n++
		eventually(t, "it is handled", func() bool { return r.Stats().Handled == before+uint64(n) })
	}
	return n
}

// want reads notes with these numbers, in order.
func (s slow) want(t testing.TB, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		reply := must(messaging.Open[*testv1.Note](&must(s.Recv(patient(t)))(t).Envelope))(t)
		if reply.GetNumber() != int64(i) {
			t.Fatalf("got number %d, want %d", reply.GetNumber(), i)
		}
	}
}

// wantEnd reads the end of a stream.
func (s slow) wantEnd(t testing.TB) error {
	t.Helper()
	return statusError(must(messaging.Open[*mitterev1.Status](&must(s.Recv(patient(t)))(t).Envelope))(t))
}

// bulky answers notes with their number and so many bytes, always with the same
// message: what waits must not change with it.
func bulky(size int) *reactor.Handlers {
	h := echoing()
	reply := &testv1.Note{Text: string(make([]byte, size))}
	reactor.Handle(h, func(_ context.Context, n *testv1.Note) (*testv1.Note, error) {
		reply.Number = n.GetNumber()
		return reply, nil
	})
	return h
}

func TestSlowClientHoldsUpNobodyAndLosesNothing(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		rep := must(messaging.NewRep(zmq, at(), narrow()))(t)
		r := serve(t, bulky(64<<10), sockets(rep))
		slow := newSlow(t, zmq, rep)
		requests := slow.askUntil(t, r, func() bool { return r.Waiting() >= 20 })
		wantEcho(t, newRequest(t, zmq, rep), "somebody else")
		slow.want(t, 0, requests)
		ok(t, r.stop())
		wantStats(t, r, reactor.Stats{Handled: uint64(requests) + 1})
	})
}

func TestSlowPeerOfADealerHoldsUpNobodyAndLosesNothing(t *testing.T) {
	const requests = 100
	zmq := newContext(t)
	dealer := must(messaging.NewDealer(zmq, "@"+inprocEndpoint(t), narrow()))(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	r := serve(t, bulky(0), sockets(dealer, rep))
	slow := newSlow(t, zmq, dealer)
	slow.ask(t, requests)
	wantEcho(t, newRequest(t, zmq, rep), "somebody else")
	eventually(t, "all is handled", func() bool { return r.Stats().Handled == requests+1 })
	slow.want(t, 0, requests)
	ok(t, r.stop())
	wantStats(t, r, reactor.Stats{Handled: requests + 1})
}

// TestPeerThatLeftHoldsUpNobody has replies on sockets that wait while nobody is
// connected.
func TestPeerThatLeftHoldsUpNobody(t *testing.T) {
	type closing interface {
		Send(context.Context, proto.Message, ...messaging.SendOption) error
		Close() error
	}
	zmq := newContext(t)
	dealer := must(messaging.NewDealer(zmq, "@"+tcp))(t)
	pair := must(messaging.NewPair(zmq, "@"+tcp))(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	held := newHeld()
	r := serve(t, held.handlers(), sockets(dealer, pair, rep), reactor.WithStopTimeout(20*time.Millisecond), reactor.WithGrace(patience))
	knows := func(socket closing) bool {
		ctx, done := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer done()
		return socket.Send(ctx, note(1)) != nil
	}
	left := []closing{dealer, pair}
	for i, leaving := range []closing{
		must(messaging.NewDealer(zmq, of(dealer)))(t), must(messaging.NewPair(zmq, of(pair)))(t),
	} {
		ok(t, leaving.Send(patient(t), note(1)))
		<-held.arrived
		ok(t, leaving.Close())
		eventually(t, "it has left", func() bool { return dealer.Stats().Disconnects+pair.Stats().Disconnects == uint64(i+1) })
		// libzmq tells of the end before the socket itself knows, which until then takes
		// what it is given.
		eventually(t, "the socket knows", func() bool { return knows(left[i]) })
		held.proceed <- struct{}{}
		wantEcho(t, newRequest(t, zmq, rep), "somebody else")
	}
	ok(t, r.stop())
	wantStats(t, r, reactor.Stats{Handled: 4, Undeliverable: 2})
}

func TestEachSlowClientHasItsOwnReplies(t *testing.T) {
	const clients, requests = 10, 50
	zmq := newContext(t)
	router := must(messaging.NewRouter(zmq, inprocEndpoint(t), narrow()))(t)
	r := serve(t, bulky(0), sockets(router), reactor.WithOutbox(requests))
	var all []slow
	for range clients {
		all = append(all, newSlow(t, zmq, router))
	}
	for _, s := range all {
		s.ask(t, requests)
	}
	eventually(t, "all is handled", func() bool { return r.Stats().Handled == clients*requests })
	for i := range requests {
		for _, s := range all {
			s.want(t, i, i+1)
		}
	}
	ok(t, r.stop())
	wantStats(t, r, reactor.Stats{Handled: clients * requests})
}

func TestOutboxIsBoundedByItsNumberOfReplies(t *testing.T) {
	for _, limit := range []int{0, 1, 5} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			const requests = 50
			zmq := newContext(t)
			rep := must(messaging.NewRep(zmq, inprocEndpoint(t), narrow()))(t)
			r := serve(t, bulky(0), sockets(rep), reactor.WithOutbox(limit))
			slow := newSlow(t, zmq, rep)
			slow.ask(t, requests)
			eventually(t, "all is handled", func() bool { return r.Stats().Handled == requests })
			wantEcho(t, newRequest(t, zmq, rep), "good") // the reply to the last one is done with, too
			if n := r.Waiting(); n > limit {
				t.Errorf("%d replies wait, want %d", n, limit)
			}
			dropped := int(r.Stats().Undeliverable)
			if dropped == 0 || dropped > requests-limit {
				t.Errorf("%d replies were dropped, of %d", dropped, requests)
			}
			r.log.one(t, "reply not sent")
			slow.want(t, 0, requests-dropped) // the first ones
		})
	}
}

// TestOutboxIsBoundedByItsBytes has replies of which three fit. In place of the
// others the client is told so.
func TestOutboxIsBoundedByItsBytes(t *testing.T) {
	const requests, size = 10, 16 << 10
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t), narrow()))(t)
	r := serve(t, bulky(size), sockets(rep), reactor.WithOutboxBytes(4*size))
	slow := newSlow(t, zmq, rep)
	slow.ask(t, requests)
	eventually(t, "all is handled", func() bool { return r.Stats().Handled == requests })
	if bytes := r.WaitingBytes(); bytes < 3*size || bytes > 4*size {
		t.Errorf("%d bytes wait, want 3 replies of %d and what is small", bytes, size)
	}
	replies := 0
	for range requests {
		err := statusError(must(must(slow.Recv(patient(t)))(t).Open())(t))
		if err == nil {
			replies++
			continue
		}
		wantCode(t, err, messaging.ResourceExhausted)
	}
	if replies < 3 || replies == requests {
		t.Errorf("%d of %d replies came", replies, requests)
	}
	eventually(t, "nothing waits", func() bool { return r.WaitingBytes() == 0 })
	ok(t, r.stop())
	wantStats(t, r, reactor.Stats{Handled: requests})
}

// TestPeerThatReadsNothingLeavesRoomToOthers has one peer fill what is kept for all, before
// another one is slow for a moment.
func TestPeerThatReadsNothingLeavesRoomToOthers(t *testing.T) {
	const size = 16 << 10
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t), narrow()))(t)
	r := serve(t, bulky(size), sockets(rep), reactor.WithOutboxBytes(20*size))
	greedy := newSlow(t, zmq, rep)
	greedy.askUntil(t, r, func() bool { return r.WaitingBytes() > 18*size })
	slow := newSlow(t, zmq, rep)
	before := r.Stats().Handled
	slow.ask(t, 10)
	eventually(t, "all is handled", func() bool { return r.Stats().Handled >= before+10 })
	slow.want(t, 0, 10)
}

// TestStreamWithoutAnOutboxGoesOn has nothing kept for a slow client at all.
func TestStreamWithoutAnOutboxGoesOn(t *testing.T) {
	const items = 200
	zmq, ended := newContext(t), make(chan error, 1)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t), narrow()))(t)
	serve(t, streaming(ended), sockets(rep), reactor.WithOutbox(0), reactor.WithPool(2, nil))
	slow := newSlow(t, zmq, rep)
	ok(t, slow.Send(patient(t), note(items)))
	slow.want(t, 0, items)
	ok(t, slow.wantEnd(t))
}

func TestRepliesForAPeerThatLeftLeaveTheOutbox(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp, narrow()))(t)
	r := serve(t, bulky(64<<10), sockets(rep))
	slow := newSlow(t, zmq, rep)
	slow.askUntil(t, r, func() bool { return r.Waiting() >= 20 })
	ok(t, slow.Close())
	eventually(t, "they are counted", func() bool { return r.Stats().Undeliverable > 0 && r.Waiting() == 0 })
	wantEcho(t, newRequest(t, zmq, rep), "good")
}

func TestOutboxIsEmptiedBeforeRunReturns(t *testing.T) {
	const requests = 50
	for name, options := range map[string][]reactor.Option{"sequential": nil, "pool": {reactor.WithPool(2, byText)}} {
		t.Run(name, func(t *testing.T) {
			zmq := newContext(t)
			rep := must(messaging.NewRep(zmq, inprocEndpoint(t), narrow()))(t)
			r := serve(t, noting(), sockets(rep), append(options, reactor.WithStopTimeout(patience))...)
			slow := newSlow(t, zmq, rep)
			slow.ask(t, requests)
			eventually(t, "all is handled", func() bool { return r.Stats().Handled == requests })
			r.cancel()
			slow.want(t, 0, requests)
			ok(t, r.wait())
			wantStats(t, r, reactor.Stats{Handled: requests})
		})
	}
}

func TestRunDoesNotWaitForAClientThatNeverReads(t *testing.T) {
	const requests = 50
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t), narrow()))(t)
	r := serve(t, bulky(0), sockets(rep), reactor.WithStopTimeout(20*time.Millisecond), reactor.WithGrace(patience))
	slow := newSlow(t, zmq, rep)
	slow.ask(t, requests)
	eventually(t, "all is handled", func() bool { return r.Stats().Handled == requests })
	ok(t, r.stop())
	waiting := uint64(r.Waiting())
	if waiting == 0 {
		t.Error("nothing waits: the client reads")
	}
	wantStats(t, r, reactor.Stats{Handled: requests, Undeliverable: waiting})
}

// streaming returns handlers that answer a note with as many, and say how sending
// ended.
func streaming(ended chan<- error) *reactor.Handlers {
	h := echoing()
	reactor.Stream(h, func(_ context.Context, n *testv1.Note, send func(*testv1.Note) error) error {
		err := error(nil)
		for i := 0; i < int(n.GetNumber()) && err == nil; i++ {
			err = send(note(i))
		}
		ended <- err
		return err
	})
	return h
}

func TestStreamWaitsForASlowClient(t *testing.T) {
	t.Parallel() // it waits rather than works
	const items = 500
	for _, limit := range []int{1, 5} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			zmq := newContext(t)
			ended := make(chan error, 1)
			rep := must(messaging.NewRep(zmq, inprocEndpoint(t), narrow()))(t)
			r := serve(t, streaming(ended), sockets(rep), reactor.WithOutbox(limit), reactor.WithPool(2, nil))
			slow := newSlow(t, zmq, rep)
			ok(t, slow.Send(patient(t), note(items)))
			eventually(t, "the outbox is full", func() bool { return r.Waiting() == limit })
			wantEcho(t, newRequest(t, zmq, rep), "somebody else")
			slow.want(t, 0, items)
			ok(t, slow.wantEnd(t))
			ok(t, <-ended)
			ok(t, r.stop())
			wantStats(t, r, reactor.Stats{Handled: 2})
		})
	}
}

// TestStreamsAtABrokerLeaveRoomForReplies has a broker read nothing while several streams
// have filled what is kept for it, and ask for something else.
func TestStreamsAtABrokerLeaveRoomForReplies(t *testing.T) {
	const limit, streams, calls, credit = 5, 4, 5, 100
	zmq := newContext(t)
	b := &brokerEnd{t: t, router: must(comm.NewRouter(zmq, inprocEndpoint(t), comm.WithHighWaterMark(1)))(t)}
	worker := must(messaging.NewWorker(zmq, of(b.router), narrow()))(t)
	h := echoing()
	reactor.Stream(h, func(_ context.Context, n *testv1.Note, send func(*testv1.Note) error) error {
		for i := range credit {
			if err := send(note(i)); err != nil {
				return err
			}
		}
		return nil
	})
	r := serve(t, h, sockets(worker), offering(), reactor.WithOutbox(limit), reactor.WithPool(20, nil))
	b.accept(time.Minute)
	for i := range uint64(streams) {
		b.sayWhenRoom(&mitterev1.Request{Call: i, Session: b.session, Credit: credit}, note(0))
	}
	eventually(t, "the outbox is full of items", func() bool { return r.Waiting() == limit })
	for i := range uint64(calls) {
		b.sayWhenRoom(&mitterev1.Request{Call: streams + i, Session: b.session}, ask("good"))
	}
	eventually(t, "the replies wait too", func() bool { return r.Waiting() == limit+calls })
	for ended := 0; ended < streams+calls; {
		_, c := b.next()
		if k, is := c.Kind.(*mitterev1.Reply); is {
			ended++
			if k.GetStatus() != nil || k.GetCall() < streams && k.GetIndex() != credit {
				t.Errorf("got %v", k)
			}
		}
	}
	if n := r.Stats().Undeliverable; n != 0 {
		t.Errorf("%d were dropped", n)
	}
}

func TestDeadlineEndsAStreamToASlowClientWhoIsTold(t *testing.T) {
	zmq := newContext(t)
	ended := make(chan error, 1)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t), narrow()))(t)
	r := serve(t, streaming(ended), sockets(rep), reactor.WithOutbox(3), reactor.WithInterceptors(reactor.Deadline(20*time.Millisecond)))
	slow := newSlow(t, zmq, rep)
	ok(t, slow.Send(patient(t), note(1<<30)))
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("send returned %v, want the end of the deadline", err)
	}
	wantEcho(t, newRequest(t, zmq, rep), "somebody else")
	if n := r.Waiting(); n > 3+1 {
		t.Errorf("%d replies wait, want 3 items, and the status beyond the limit", n)
	}
	for i := 0; ; i++ {
		m := must(must(slow.Recv(patient(t)))(t).Open())(t)
		if err := statusError(m); err != nil {
			wantCode(t, err, messaging.DeadlineExceeded)
			return
		}
		wantEqual(t, m, note(i))
	}
}

func TestStreamEndsWhenItsClientLeaves(t *testing.T) {
	zmq := newContext(t)
	ended := make(chan error, 1)
	rep := must(messaging.NewRep(zmq, tcp, narrow()))(t)
	r := serve(t, streaming(ended), sockets(rep), reactor.WithOutbox(3))
	slow := newSlow(t, zmq, rep)
	ok(t, slow.Send(patient(t), note(1<<30)))
	eventually(t, "the outbox is full", func() bool { return r.Waiting() == 3 })
	ok(t, slow.Close())
	wantCode(t, <-ended, messaging.Unavailable)
	wantEcho(t, newRequest(t, zmq, rep), "good")
}

// TestRepliesStayInOrderWhileAClientReadsNowAndThen sends some replies directly
// and some through the outbox, again and again.
func TestRepliesStayInOrderWhileAClientReadsNowAndThen(t *testing.T) {
	const requests = 1000
	for name, options := range map[string][]reactor.Option{"sequential": nil, "pool": {reactor.WithPool(3, byText)}} {
		t.Run(name, func(t *testing.T) {
			zmq := newContext(t)
			rep := must(messaging.NewRep(zmq, inprocEndpoint(t), narrow()))(t)
			serve(t, noting(), sockets(rep), append(options, reactor.WithOutbox(requests))...)
			slow := newSlow(t, zmq, rep)
			go func() {
				for i := range requests {
					check(t, slow.Send(context.Background(), note(i)))
				}
			}()
			slow.want(t, 0, requests)
		})
	}
}

// A peer may start streams without items and never read.
func TestEndsOfStreamsAreBoundedToo(t *testing.T) {
	const requests, most = 400, 16 << 10
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t), narrow()))(t)
	h := reactor.NewHandlers()
	reactor.Stream(h, func(context.Context, *testv1.Note, func(*testv1.Note) error) error { return nil })
	r := serve(t, h, sockets(rep), reactor.WithOutboxBytes(most), reactor.WithStopTimeout(0))
	newSlow(t, zmq, rep).ask(t, requests)
	eventually(t, "all is handled", func() bool { return r.Stats().Handled == requests })
	eventually(t, "some is dropped", func() bool { return r.Stats().Undeliverable > 0 })
	if bytes := r.WaitingBytes(); bytes > most+most/4 {
		t.Errorf("%d bytes wait, want at most %d", bytes, most+most/4)
	}
}
