package reactor_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	zmq4 "github.com/pebbe/zmq4"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

func TestLibzmqsOwnREQIsAnswered(t *testing.T) {
	for _, at := range []string{tcp, ipcEndpoint(t)} {
		t.Run(at[:3], func(t *testing.T) {
			zmq := newContext(t)
			rep := must(messaging.NewRep(zmq, at))(t)
			h := counting(echoing())
			reactor.Observe(h, func(context.Context, *testv1.Blob) error { return nil })
			serve(t, h, sockets(rep))
			req := newREQ(t, of(rep))
			for i := range 20 { // in lock step: one more or less would end it
				text := fmt.Sprint("request ", i)
				wantEqual(t, req.ask(t, ask(text)), &testv1.EchoResponse{Text: text})
			}
			wantEqual(t, req.ask(t, &testv1.Blob{}), &mitterev1.Status{})
			wantCode(t, statusError(req.ask(t, note(3))), messaging.FailedPrecondition)
			wantCode(t, statusError(req.ask(t, &testv1.Tree{})), messaging.Unimplemented)
			wantCode(t, statusError(req.askBytes(t, []byte("no envelope"))), messaging.InvalidArgument)
			wantEqual(t, req.ask(t, ask("last")), &testv1.EchoResponse{Text: "last"})
		})
	}
}

// rawREQ is a REQ socket of libzmq itself. It may be used by one goroutine.
type rawREQ struct{ *zmq4.Socket }

// newREQ returns a REQ in a context of its own.
func newREQ(t testing.TB, at string) rawREQ {
	zctx := must(zmq4.NewContext())(t)
	s := must(zctx.NewSocket(zmq4.REQ))(t)
	t.Cleanup(func() {
		ok(t, s.Close())
		ok(t, zctx.Term())
	})
	ok(t, s.SetLinger(0))
	ok(t, s.SetRcvtimeo(patience))
	ok(t, s.Connect(at))
	return rawREQ{s}
}

// ask sends a message and returns the answer.
func (r rawREQ) ask(t testing.TB, m proto.Message) proto.Message {
	t.Helper()
	e := must(messaging.Pack(m))(t)
	return r.askBytes(t, e.Append(nil))
}

// askBytes sends a frame and opens the answer.
func (r rawREQ) askBytes(t testing.TB, frame []byte) proto.Message {
	t.Helper()
	must(r.SendBytes(frame, 0))(t)
	reply := must(r.RecvBytes(0))(t)
	if more := must(r.GetRcvmore())(t); more {
		t.Fatal("the answer has more than one frame")
	}
	e := must(messaging.Decode(reply))(t)
	return must(e.Open(protoregistry.GlobalTypes))(t)
}

func TestOneReactorServesSocketsOfAllKinds(t *testing.T) {
	zmq := newContext(t)
	h, notes := observed()
	var list []reactor.Socket
	var asking, telling []peer
	for _, kind := range replying {
		s, p := kind.make(t, zmq, inprocEndpoint(t))
		list, asking = append(list, s), append(asking, p)
	}
	for _, kind := range oneWay {
		s, p := kind.make(t, zmq, inprocEndpoint(t))
		list, telling = append(list, s), append(telling, p)
	}
	r := serve(t, h, list)
	const rounds = 50
	var wg sync.WaitGroup
	for i, p := range asking {
		wg.Go(func() { askAndCompare(t, p, i, rounds) })
	}
	for i, p := range telling {
		wg.Go(func() {
			for j := range rounds {
				check(t, p.send(t.Context(), note(i*rounds+j)))
			}
		})
	}
	wg.Wait()
	wantAll(t, notes, len(telling)*rounds)
	ok(t, r.stop())
	wantStats(t, r, reactor.Stats{Handled: uint64((len(asking) + len(telling)) * rounds)})
}

// askAndCompare asks with texts that no other peer uses, and checks that each is
// answered by itself: neither lost nor sent to another.
func askAndCompare(t *testing.T, p peer, who, rounds int) {
	for i := range rounds {
		text := fmt.Sprintf("%d of %d", i, who)
		reply, err := p.exchange(t, ask(text))
		if err != nil || !proto.Equal(reply, &testv1.EchoResponse{Text: text}) {
			t.Errorf("asked %q: got %v, %v", text, reply, err)
			return
		}
	}
}

// wantAll checks that notes 0 to n-1 come, each once and in any order.
func wantAll(t testing.TB, notes <-chan *testv1.Note, n int) {
	t.Helper()
	seen := map[int64]bool{}
	for range n {
		seen[(<-notes).GetNumber()] = true
	}
	if len(seen) != n {
		t.Errorf("%d notes, of which %d differ", n, len(seen))
	}
}

func TestCallFromTellsAHandlerWhatItServes(t *testing.T) {
	zmq := newContext(t)
	calls := make(chan *reactor.Call, 1)
	h := reactor.NewHandlers()
	reactor.Handle(h, func(ctx context.Context, m *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		c := reactor.CallFrom(ctx)
		if c.Request != proto.Message(m) || c.Shape != reactor.Unary {
			t.Errorf("the call is %+v, want that of %v", c, m)
		}
		if key := c.Delivery.Meta.Metadata["key"]; key != "value" || !c.Delivery.WantsReply() {
			t.Errorf("the delivery is %+v", c.Delivery)
		}
		calls <- c
		return echo(ctx, m)
	})
	rep := must(messaging.NewRep(zmq, tcp))(t)
	serve(t, h, sockets(rep))
	req := newRequest(t, zmq, rep)
	must(req.Do(patient(t), ask("me"), messaging.Metadata(map[string]string{"key": "value"})))(t)
	<-calls
}

func TestCallFromOfAnotherContextIsNil(t *testing.T) {
	if c := reactor.CallFrom(t.Context()); c != nil {
		t.Errorf("got %+v, want nil", c)
	}
}

func TestHandlerMayReplyMoreThanItReturns(t *testing.T) {
	zmq := newContext(t)
	h := reactor.NewHandlers()
	reactor.Handle(h, func(ctx context.Context, m *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return &testv1.EchoResponse{Text: "second"}, reactor.CallFrom(ctx).Delivery.Reply(ctx, note(1))
	})
	s, p := responseAndDealer(t, zmq, tcp)
	serve(t, h, sockets(s))
	wantEqual(t, p.answer(t, ask("")), note(1))
	wantEqual(t, must(p.next(patient(t)))(t), &testv1.EchoResponse{Text: "second"})
}

func TestReactorsThatKnowNothingTellEachOtherOnce(t *testing.T) {
	zmq := newContext(t)
	router := must(messaging.NewRouter(zmq, tcp))(t)
	dealer := must(messaging.NewDealer(zmq, of(router)))(t)
	here := serve(t, echoing(), sockets(router))
	there := serve(t, reactor.NewHandlers(), sockets(dealer))
	unknown := func(n uint64) func() bool {
		return func() bool { return here.Stats().Unknown >= n && there.Stats().Unknown >= n }
	}

	// Unknown here, whose error is unknown there; an answer that is unknown there,
	// whose error is unknown here.
	ok(t, dealer.Send(patient(t), &testv1.Tree{}))
	ok(t, dealer.Send(patient(t), ask("an answer that nobody wants")))
	eventually(t, "both say so", unknown(2))

	// What they might say beyond that would come before this.
	ok(t, dealer.Send(patient(t), ask("fence")))
	eventually(t, "the fence comes through", unknown(3))
	ok(t, errors.Join(here.stop(), there.stop()))
	wantStats(t, here, reactor.Stats{Handled: 2, Unknown: 3})
	wantStats(t, there, reactor.Stats{Unknown: 3})
}
