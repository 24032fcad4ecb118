package reactor_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

func TestWorkerSaysWhatItOffers(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq, d := newContext(t), newDepot()
		close(d.proceed)
		b := newBrokerEnd(t, zmq, at())
		r := work(t, zmq, d, of(b.router), reactor.WithPool(7, nil), reactor.WithOffer(reactor.Offer{
			Services: []string{"depot", "store"}, Name: "worker-1", Version: "v1", Endpoints: func() []string { return []string{"tcp://there:1"} }, Descriptors: []byte("hash"),
		}), reactor.WithIdentity("another", "answerer"))
		hello, ready := b.accept(time.Minute)
		if hello.GetRole() != mitterev1.Role_ROLE_WORKER || len(hello.GetInstance()) != 16 || hello.GetSentAtNano() == 0 || hello.GetHeartbeatNano() != int64(reactor.DefaultHeartbeat) {
			t.Errorf("the hello is %v", hello)
		}
		types := []string{"mittere.test.v1.EchoRequest", "mittere.test.v1.NumbersRequest", "mittere.test.v1.StoreRequest"}
		repeatable := []string{"mittere.test.v1.EchoService/Echo", "mittere.test.v1.EchoService/Numbers"}
		wantEqual(t, ready, &mitterev1.Ready{
			Session: b.session, Services: []string{"depot", "store"}, Instance: "worker-1", Version: "v1", Capacity: 7,
			Endpoints: []string{"tcp://there:1"}, Descriptors: []byte("hash"), Types: types, Repeatable: repeatable,
		})
		ok(t, r.WaitJoined(patient(t)))
		b.store(&mitterev1.Request{Call: 1, Service: "store"})
		if reply := b.wantReply(1, messaging.OK); reply.GetInstance() != "answerer" {
			t.Errorf("the answer is %v", reply)
		}
		b.store(&mitterev1.Request{Call: 2, Service: "elsewhere"})
		b.wantReply(2, messaging.NotFound)
	})
}

func TestWorkerWithoutAnOfferIsAnError(t *testing.T) {
	worker := must(messaging.NewWorker(newContext(t), "tcp://127.0.0.1:1"))(t)
	for name, options := range map[string][]reactor.Option{
		"none":              nil,
		"no name":           {reactor.WithOffer(reactor.Offer{Services: []string{"a"}})},
		"no service":        {reactor.WithOffer(reactor.Offer{Name: "a"})},
		"negative capacity": {reactor.WithOffer(reactor.Offer{Services: []string{"a"}, Name: "a", Capacity: -1})},
	} {
		_, err := reactor.New(echoing(), sockets(worker), options...)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantCode(t, err, messaging.InvalidArgument)
	}
}

func TestRequestOfAnotherSessionIsRefused(t *testing.T) {
	b, d, _ := member(t)
	b.store(&mitterev1.Request{Call: 1, Session: b.session - 1})
	if !b.wantReply(1, messaging.Unavailable).GetRefused() {
		t.Error("it is not refused")
	}
	b.wantServed() // in the session that there is
	if n := d.executed.Load(); n != 0 {
		t.Errorf("executed %d times", n)
	}
}

// TestWorkerJoinsABrokerThatCameBack has the request that ran be given again, in the
// next session.
func TestWorkerJoinsABrokerThatCameBack(t *testing.T) {
	causes := make(chan error, 1)
	h := newDepot().handlers()
	reactor.Handle(h, func(ctx context.Context, n *testv1.Note) (*testv1.Note, error) {
		if n.GetNumber() > 1 {
			return n, nil
		}
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return nil, ctx.Err()
	})
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq, tcp)
	endpoint := of(b.router)
	worker := must(messaging.NewWorker(zmq, endpoint))(t)
	r := serve(t, h, sockets(worker), offering(), reactor.WithPool(2, nil))
	b.accept(time.Minute)
	b.say(&mitterev1.Request{Call: 1, Session: b.session}, note(1))
	eventually(t, "it runs", func() bool { return r.Stats().InFlight == 1 })
	former := b.session
	ok(t, b.router.Close())
	wantCode(t, <-causes, messaging.Unavailable)
	eventually(t, "it has left", func() bool { return r.Stats().Sessions == 0 })
	b = newBrokerEnd(t, zmq, "@"+endpoint)
	b.session = former
	b.accept(time.Minute)
	b.say(&mitterev1.Request{Call: 1, Session: former}, note(2))
	b.wantReply(1, messaging.Unavailable)
	b.say(&mitterev1.Request{Call: 1, Session: b.session}, note(2))
	b.wantReply(1, messaging.OK)
	ok(t, r.WaitJoined(patient(t)))
}

func TestAnswersAreRememberedFromSessionToSession(t *testing.T) {
	b, d, _ := member(t)
	close(d.proceed)
	b.store(&mitterev1.Request{Call: 1, Key: keyOf(1, 1)})
	b.wantReply(1, messaging.OK)
	b.say(&mitterev1.Disconnect{}, nil)
	b.accept(time.Minute)
	b.store(&mitterev1.Request{Call: 5, Key: keyOf(1, 1), Attempt: 2})
	b.wantReply(5, messaging.OK)
	if n := d.executed.Load(); n != 1 {
		t.Errorf("executed %d times", n)
	}
}

// TestAnswerIsRememberedThatNobodyCouldGet has a handler end, which does not look at its
// context, when there is no broker.
func TestAnswerIsRememberedThatNobodyCouldGet(t *testing.T) {
	zmq, held := newContext(t), newHeld()
	b := newBrokerEnd(t, zmq, tcp)
	worker := must(messaging.NewWorker(zmq, of(b.router)))(t)
	r := serve(t, held.handlers(), sockets(worker), offering())
	b.accept(time.Minute)
	b.say(&mitterev1.Request{Call: 1, Session: b.session, Key: keyOf(1, 1)}, note(1))
	ctx := <-held.arrived
	b.say(&mitterev1.Disconnect{}, nil)
	<-ctx.Done()
	close(held.proceed)
	eventually(t, "it has ended", func() bool { return r.Stats().Handled == 1 })
	b.accept(time.Minute)
	b.say(&mitterev1.Request{Call: 2, Session: b.session, Key: keyOf(1, 1), Attempt: 2}, note(1))
	b.wantReply(2, messaging.OK)
	if n := r.Stats().Handled; n != 1 {
		t.Errorf("executed %d times", n)
	}
}

func TestWorkerThatDidNotStartDoesNotJoin(t *testing.T) {
	zmq := newContext(t)
	worker := must(messaging.NewWorker(zmq, inprocEndpoint(t)))(t)
	r := serve(t, echoing(), sockets(worker), offering(), reactor.WithStart(func(context.Context) error { return context.DeadlineExceeded }))
	wantCode(t, r.WaitJoined(patient(t)), messaging.Unavailable)
	if r.wait() == nil {
		t.Error("it started")
	}
}

// TestWorkerIsHeardOfWhileItsHandlerIsBusy has a broker that answers heartbeats, and
// nothing else, for many of them.
func TestWorkerIsHeardOfWhileItsHandlerIsBusy(t *testing.T) {
	t.Parallel() // it waits rather than works
	const often = 20 * time.Millisecond
	zmq, d := newContext(t), newDepot()
	b := newBrokerEnd(t, zmq, tcp)
	r := work(t, zmq, d, of(b.router), reactor.WithHeartbeat(often))
	b.accept(400 * time.Millisecond) // which a slow machine keeps
	b.store(&mitterev1.Request{Call: 1})
	<-d.begun
	for range 5 {
		if beat := heard[*mitterev1.Heartbeat](b); beat.GetSession() != b.session || beat.GetSentAtNano() == 0 {
			t.Fatalf("got %v in session %d", beat, b.session)
		}
		b.say(&mitterev1.Heartbeat{Session: b.session, SentAtNano: 1}, nil)
	}
	close(d.proceed)
	b.wantReply(1, messaging.OK)
	if r.Stats().Sessions != 1 {
		t.Error("the session is over")
	}
}

func TestSilentBrokerIsLeft(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	b := newBrokerEnd(t, zmq, tcp)
	work(t, zmq, d, of(b.router), reactor.WithHeartbeat(20*time.Millisecond))
	b.accept(20 * time.Millisecond)
	b.store(&mitterev1.Request{Call: 1})
	first := b.worker
	b.accept(time.Minute) // without a word
	if b.worker == first {
		t.Error("the connection is the same")
	}
	b.wantServed()
}

// TestWorkerThatWasPausedBeginsAnew has it read a request only then.
func TestWorkerThatWasPausedBeginsAnew(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	b := newBrokerEnd(t, zmq, tcp)
	r := work(t, zmq, d, of(b.router))
	b.accept(time.Second)
	r.Pause(time.Hour)
	b.store(&mitterev1.Request{Call: 1})
	b.accept(time.Minute)
	b.wantServed()
	if n := d.executed.Load(); n != 0 {
		t.Errorf("a request of before was executed %d times", n)
	}
}

func TestBrokerCancelsARequest(t *testing.T) {
	causes := make(chan error, 1)
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq, tcp)
	worker := must(messaging.NewWorker(zmq, of(b.router)))(t)
	serve(t, obedient(causes), sockets(worker), offering())
	b.accept(time.Minute)
	b.say(&mitterev1.Request{Call: 1, Session: b.session}, note(1))
	b.say(&mitterev1.Cancel{Call: 1}, nil)
	b.wantServed() // and the first answer is this one's
	select {
	case err := <-causes:
		wantCode(t, err, messaging.Cancelled)
	default: // it was cancelled before it began
	}
}

func TestStreamToABrokerHeedsCredit(t *testing.T) {
	b, _, _ := member(t)
	b.say(&mitterev1.Request{Call: 1, Session: b.session, Credit: 2}, &testv1.NumbersRequest{Limit: 4})
	for index := uint64(1); index <= 4; index++ {
		if index == 3 {
			b.say(&mitterev1.Credit{Call: 1, Items: 2}, nil)
		}
		if item := heard[*mitterev1.Item](b); item.GetCall() != 1 || item.GetIndex() != index {
			t.Fatalf("got %v, want item %d", item, index)
		}
	}
	if reply := b.wantReply(1, messaging.OK); reply.GetIndex() != 4 {
		t.Errorf("the stream ends with %v", reply)
	}
}

func TestRequestIsNotBegunThatIsTooOldByTheBrokersClock(t *testing.T) {
	b, d, _ := member(t)
	const now = int64(time.Hour)
	b.say(&mitterev1.Heartbeat{Session: b.session, SentAtNano: now}, nil)
	b.store(&mitterev1.Request{Call: 1, SentAtNano: now - int64(10*time.Second), TimeoutNano: int64(5 * time.Second)})
	if !b.wantReply(1, messaging.DeadlineExceeded).GetRefused() {
		t.Error("it is not refused")
	}
	if n := d.executed.Load(); n != 0 {
		t.Errorf("executed %d times", n)
	}
}

func TestDrainingWorkerFinishesWhatItHas(t *testing.T) {
	b, d, r := member(t, reactor.WithPool(2, nil))
	b.store(&mitterev1.Request{Call: 1})
	<-d.begun
	var draining sync.WaitGroup
	draining.Go(func() { check(t, r.Drain(patient(t))) })
	if heard[*mitterev1.Drain](b).GetSession() != b.session {
		t.Error("the drain is of another session")
	}
	b.store(&mitterev1.Request{Call: 2}) // which crossed it
	<-d.begun
	b.say(&mitterev1.Drain{Session: b.session}, nil)
	b.store(&mitterev1.Request{Call: 3})
	if !b.wantReply(3, messaging.Unavailable).GetRefused() {
		t.Error("a request that came too late is not refused")
	}
	close(d.proceed)
	answered := map[uint64]bool{}
	for range 2 {
		reply := heard[*mitterev1.Reply](b)
		answered[reply.GetCall()] = reply.GetStatus() == nil
	}
	if !answered[1] || !answered[2] {
		t.Errorf("of the calls 1 and 2 these have an answer: %v", answered)
	}
	draining.Wait()
	ok(t, r.stop())
	if status := heard[*mitterev1.Disconnect](b).GetStatus(); status.GetCode() != messaging.Unavailable {
		t.Errorf("it left with %v", status)
	}
	wantCode(t, r.WaitJoined(patient(t)), messaging.Unavailable)
}

func TestWorkerThatIsWithheldGetsNoRequests(t *testing.T) {
	b, _, r := member(t)
	for range 3 {
		r.Withhold(true)
		r.Withhold(true)
		heard[*mitterev1.Drain](b)
		b.wantServed() // requests that come all the same
		r.Withhold(false)
		if ready := heard[*mitterev1.Ready](b); ready.GetSession() != b.session || ready.GetInstance() != "worker-1" {
			t.Errorf("it offers %v", ready)
		}
	}
	r.Withhold(true)
	b.say(&mitterev1.Disconnect{}, nil)
	heard[*mitterev1.Hello](b)
	b.say(&mitterev1.Welcome{Session: b.session, HeartbeatNano: int64(time.Minute)}, nil)
	heard[*mitterev1.Drain](b)
	b.say(&mitterev1.Heartbeat{Session: b.session}, nil)
	ok(t, r.WaitJoined(patient(t)))
	r.Withhold(false)
	heard[*mitterev1.Ready](b)
}

// TestDrainingWorkerDoesNotJoin has the broker answer when the worker drains already.
func TestDrainingWorkerDoesNotJoin(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq, tcp)
	r := work(t, zmq, newDepot(), of(b.router))
	heard[*mitterev1.Hello](b)
	ok(t, r.Drain(patient(t)))
	b.say(&mitterev1.Welcome{Session: 1, HeartbeatNano: int64(time.Minute)}, nil)
	wantCode(t, r.WaitJoined(patient(t)), messaging.Unavailable)
	if n := r.Stats().Sessions; n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestWorkerTakesLeave(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq, tcp)
	worker := must(messaging.NewWorker(zmq, of(b.router)))(t)
	r := serve(t, echoing(), sockets(worker), offering())
	b.accept(time.Minute)
	ok(t, r.stop())
	ok(t, worker.Close()) // at once
	heard[*mitterev1.Disconnect](b)
}

// TestWorkerThatStopsWhileItIsWelcomedTakesLeave stops it as soon as the broker has
// heard what it offers.
func TestWorkerThatStopsWhileItIsWelcomedTakesLeave(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq, tcp)
	for range 30 {
		worker := must(messaging.NewWorker(zmq, of(b.router)))(t)
		r := serve(t, echoing(), sockets(worker), offering())
		heard[*mitterev1.Hello](b)
		b.say(&mitterev1.Welcome{Session: 1, HeartbeatNano: int64(time.Minute)}, nil)
		heard[*mitterev1.Ready](b)
		ok(t, r.stop())
		ok(t, worker.Close())
		heard[*mitterev1.Disconnect](b)
	}
}

func TestWorkerThatIsSentAwayComesBack(t *testing.T) {
	t.Parallel() // it waits rather than works
	b, d, _ := member(t, reactor.WithPool(2, nil))
	b.store(&mitterev1.Request{Call: 1})
	<-d.begun
	for _, code := range []messaging.Code{messaging.Unavailable, messaging.PermissionDenied, messaging.OK} {
		b.say(&mitterev1.Disconnect{Status: &mitterev1.Status{Code: code}}, nil)
		b.accept(time.Minute)
		b.wantServed()
	}
	if n := d.executed.Load(); n != 1 {
		t.Errorf("executed %d times", n)
	}
}

func TestWorkerWhoseNameIsTakenEnds(t *testing.T) {
	taken := &mitterev1.Disconnect{Status: &mitterev1.Status{Code: messaging.AlreadyExists, Message: "taken"}}
	for _, when := range []string{"before the welcome", "after it"} {
		t.Run(when, func(t *testing.T) {
			zmq := newContext(t)
			b := newBrokerEnd(t, zmq, tcp)
			r := work(t, zmq, newDepot(), of(b.router))
			if when == "after it" {
				b.accept(time.Minute)
			} else {
				heard[*mitterev1.Hello](b)
			}
			b.say(taken, nil)
			wantCode(t, r.wait(), messaging.AlreadyExists)
			wantCode(t, r.WaitJoined(patient(t)), messaging.AlreadyExists)
		})
	}
}

func TestWorkerWhoseNameIsTakenComesBackUnderAnotherIfItMay(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq, tcp)
	name := strings.Repeat("ö", 127)
	r := work(t, zmq, newDepot(), of(b.router), reactor.WithOffer(reactor.Offer{Services: []string{"depot"}, Name: name, Renames: true}))
	seen := map[string]bool{}
	for range 3 {
		_, ready := b.accept(time.Minute)
		b.wantServed()
		if got := ready.GetInstance(); seen[got] || len(got) > 255 || !utf8.ValidString(got) || !strings.HasPrefix(got, name[:200]) {
			t.Errorf("it is named %q, after %v", got, seen)
		}
		seen[ready.GetInstance()] = true
		b.say(&mitterev1.Disconnect{Status: &mitterev1.Status{Code: messaging.AlreadyExists}}, nil)
	}
	eventually(t, "it says so", func() bool { return len(r.log.all("another worker has the name at the broker")) == 3 })
}

// TestWorkerHasJoinedWhenItsOfferIsTaken has the broker say so in each of the ways that
// there are, after a word that says nothing.
func TestWorkerHasJoinedWhenItsOfferIsTaken(t *testing.T) {
	for name, accept := range map[string]func(b *brokerEnd){
		"a heartbeat": func(b *brokerEnd) { b.say(&mitterev1.Heartbeat{Session: b.session}, nil) },
		"a request":   func(b *brokerEnd) { b.wantServed() },
	} {
		t.Run(name, func(t *testing.T) {
			zmq := newContext(t)
			b := newBrokerEnd(t, zmq, tcp)
			r := work(t, zmq, newDepot(), of(b.router))
			b.hear(time.Minute)
			b.say(&mitterev1.Heartbeat{Session: b.session - 1}, nil)
			b.say(&mitterev1.Request{Call: 1, Session: b.session - 1}, ask("good"))
			b.wantReply(1, messaging.Unavailable)
			over, cancel := context.WithCancel(t.Context())
			cancel()
			wantCode(t, r.WaitJoined(over), messaging.Cancelled)
			accept(b)
			ok(t, r.WaitJoined(patient(t)))
		})
	}
}

// TestWorkerThatIsNeverTakenEnds has the broker refuse it in words that leave no hope, and
// in others.
func TestWorkerThatIsNeverTakenEnds(t *testing.T) {
	t.Parallel() // it waits rather than works
	for code, ends := range map[messaging.Code]bool{
		messaging.InvalidArgument: true, messaging.PermissionDenied: true, messaging.Unimplemented: true, messaging.FailedPrecondition: true,
		messaging.ResourceExhausted: false, messaging.Unavailable: false, messaging.Internal: false, messaging.OK: false,
	} {
		for _, when := range []string{"hello", "ready"} {
			t.Run(code.String()+" to the "+when, func(t *testing.T) {
				zmq := newContext(t)
				b := newBrokerEnd(t, zmq, tcp)
				r := work(t, zmq, newDepot(), of(b.router))
				if when == "hello" {
					heard[*mitterev1.Hello](b)
				} else {
					b.hear(time.Minute)
				}
				b.say(&mitterev1.Disconnect{Status: &mitterev1.Status{Code: code, Message: "no"}}, nil)
				if !ends {
					b.accept(time.Minute)
					return
				}
				wantCode(t, r.wait(), code)
				wantCode(t, r.WaitJoined(patient(t)), code)
			})
		}
	}
}

// TestGarbageIsNoAnswerToAnOffer has a worker find fault with the broker itself, in the
// words of one that is refused for good.
func TestGarbageIsNoAnswerToAnOffer(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq, tcp)
	work(t, zmq, newDepot(), of(b.router))
	heard[*mitterev1.Hello](b)
	b.raw([]byte("garbage"))
	b.accept(time.Minute)
	b.wantServed()
}

// tricksOfABroker are what a broker must not send; those that are left out end the
// session.
var tricksOfABroker = map[string]struct {
	ends  bool
	trick func(b *brokerEnd)
}{
	"garbage":              {true, func(b *brokerEnd) { b.raw([]byte("\x08\x01garbage")) }},
	"another version":      {true, func(b *brokerEnd) { b.raw([]byte{8, 9, 0x1a, 0}) }},
	"many frames":          {true, func(b *brokerEnd) { b.raw([]byte{8, 1}, []byte("a"), []byte("b")) }},
	"an empty frame":       {true, func(b *brokerEnd) { b.raw(nil) }},
	"a plain envelope":     {true, func(b *brokerEnd) { e := must(messaging.Pack(ask("plain")))(b.t); b.raw(e.Append(nil)) }},
	"a later kind":         {false, func(b *brokerEnd) { b.raw([]byte{8, 1, 0xa2, 1, 0}) }},
	"a client's hello":     {false, func(b *brokerEnd) { b.say(&mitterev1.Hello{}, nil) }},
	"a second welcome":     {false, func(b *brokerEnd) { b.say(&mitterev1.Welcome{Session: 5, HeartbeatNano: 1}, nil) }},
	"the end of calls":     {false, func(b *brokerEnd) { b.say(&mitterev1.Cancel{Call: 9}, nil); b.say(&mitterev1.Credit{Call: 9}, nil) }},
	"a foreign heartbeat":  {false, func(b *brokerEnd) { b.say(&mitterev1.Heartbeat{Session: 5}, nil) }},
	"a drain":              {false, func(b *brokerEnd) { b.say(&mitterev1.Drain{Session: b.session}, nil) }},
	"a reply and an event": {false, func(b *brokerEnd) { b.say(&mitterev1.Reply{Call: 1}, nil); b.say(&mitterev1.Event{}, nil) }},
	"a delimiter": {false, func(b *brokerEnd) {
		c := must(command.New(&mitterev1.Request{Call: 1, Session: b.session}, ask("good")))(b.t)
		b.raw(slices.Concat([][]byte{nil}, must(c.Frames())(b.t))...)
		b.wantReply(1, messaging.OK)
	}},
}

func TestTricksOfABrokerDoNotEndAWorker(t *testing.T) {
	for name, test := range tricksOfABroker {
		t.Run(name, func(t *testing.T) {
			b, _, _ := member(t)
			test.trick(b)
			if test.ends {
				heard[*mitterev1.Disconnect](b)
				b.accept(time.Minute)
			}
			b.wantServed()
		})
	}
}

func TestWelcomeThatIsNoneIsNotTaken(t *testing.T) {
	t.Parallel() // it waits rather than works
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq, tcp)
	work(t, zmq, newDepot(), of(b.router))
	for _, welcome := range []*mitterev1.Welcome{
		{HeartbeatNano: 1}, {Session: 1}, {Session: 1, HeartbeatNano: -1}, {Session: 1, HeartbeatNano: 1<<63 - 1},
	} {
		heard[*mitterev1.Hello](b)
		b.say(welcome, nil)
	}
	b.accept(time.Minute)
	b.wantServed()
}

func TestAnswerThatIsTooLargeForTheBrokerIsAnError(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq, tcp)
	h := newDepot().handlers()
	work := must(messaging.NewWorker(zmq, of(b.router)))(t)
	reactor.Handle(h, func(context.Context, *testv1.Note) (*testv1.Note, error) {
		return &testv1.Note{Text: strings.Repeat("x", 10_000)}, nil
	})
	serve(t, h, sockets(work), offering())
	heard[*mitterev1.Hello](b)
	b.session = 1
	b.say(&mitterev1.Welcome{Session: 1, HeartbeatNano: int64(time.Minute), Limits: &mitterev1.Limits{FrameBytes: 8000}}, nil)
	b.say(&mitterev1.Request{Call: 1, Session: 1}, note(1))
	b.wantReply(1, messaging.ResourceExhausted)
	b.wantServed()
}

func TestReactorWorksForBrokersAndServesBesides(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	close(d.proceed)
	brokers := []*brokerEnd{newBrokerEnd(t, zmq, tcp), newBrokerEnd(t, zmq, inprocEndpoint(t))}
	server := must(messaging.NewServer(zmq, tcp))(t)
	list := sockets(server)
	for _, b := range brokers {
		list = append(list, must(messaging.NewWorker(zmq, of(b.router)))(t))
	}
	r := serve(t, d.handlers(), list, offering())
	var instances [][]byte
	for _, b := range brokers {
		hello, _ := b.accept(time.Minute)
		instances = append(instances, hello.GetInstance())
	}
	ok(t, r.WaitJoined(patient(t)))
	for _, b := range brokers {
		b.wantServed()
	}
	wantCallEcho(t, dial(t, zmq, of(server)))
	if !bytes.Equal(instances[0], instances[1]) {
		t.Error("one worker has two instances")
	}
	ok(t, brokers[0].router.Close())
	brokers[1].wantServed()
	wantCallEcho(t, dial(t, zmq, of(server)))
}

func TestWorkerIsNoWorkerOfAServer(t *testing.T) {
	zmq := newContext(t)
	server := must(messaging.NewServer(zmq, tcp))(t)
	serve(t, echoing(), sockets(server))
	worker := must(messaging.NewWorker(zmq, of(server)))(t)
	r := serve(t, echoing(), sockets(worker), offering())
	err := r.wait()
	if wantCode(t, err, messaging.Unimplemented); !strings.Contains(err.Error(), "workers are for a broker") {
		t.Errorf("%v does not say why", err)
	}
	wantCode(t, r.WaitJoined(patient(t)), messaging.Unimplemented)
	wantEcho(t, newRequest(t, zmq, server), "good")
}
