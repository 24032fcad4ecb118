package reactor_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// statusError returns the error in a Status; nil for any other message.
func statusError(m proto.Message) error {
	if status, is := m.(*mitterev1.Status); is {
		return messaging.FromStatus(status)
	}
	return nil
}

// observed returns handlers that echo, and hand what they observe to the test.
func observed() (*reactor.Handlers, <-chan *testv1.Note) {
	h, notes := echoing(), make(chan *testv1.Note, 1000)
	reactor.Observe(h, func(_ context.Context, n *testv1.Note) error {
		notes <- n
		return nil
	})
	return h, notes
}

// counting enters a stream of as many notes as a note asks for.
func counting(h *reactor.Handlers) *reactor.Handlers {
	reactor.Stream(h, func(_ context.Context, n *testv1.Note, send func(*testv1.EchoResponse) error) error {
		for i := range n.GetNumber() {
			if err := send(&testv1.EchoResponse{Text: fmt.Sprint(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	return h
}

func TestHandleAnswersOnTheSocketThatARequestCameFrom(t *testing.T) {
	onEachPairing(t, replying, func(t *testing.T, _ pairing, s reactor.Socket, p peer) {
		r := serve(t, echoing(), sockets(s))
		for i := range 20 {
			text := fmt.Sprint("request ", i)
			wantEqual(t, p.answer(t, ask(text)), &testv1.EchoResponse{Text: text})
		}
		ok(t, r.stop())
		wantStats(t, r, reactor.Stats{Handled: 20})
	})
}

func TestObserverTakesAMessageAndAnswersOnlyWhoWaitsForIt(t *testing.T) {
	onEachPairing(t, replying, func(t *testing.T, kind pairing, s reactor.Socket, p peer) {
		h, notes := observed()
		r := serve(t, h, sockets(s))
		if kind.one {
			wantEqual(t, p.answer(t, note(1)), &mitterev1.Status{})
		} else {
			ok(t, p.send(patient(t), note(1)))
		}
		wantEqual(t, <-notes, note(1))
		// The next answer is of the next request: nothing came for the note.
		wantEqual(t, p.answer(t, ask("next")), &testv1.EchoResponse{Text: "next"})
		ok(t, r.stop())
		wantStats(t, r, reactor.Stats{Handled: 2})
	})
}

func TestObserverTakesAMessageWhereNothingCanBeSentBack(t *testing.T) {
	onEachPairing(t, oneWay, func(t *testing.T, _ pairing, s reactor.Socket, p peer) {
		h, notes := observed()
		r := serve(t, h, sockets(s))
		for i := range 20 {
			ok(t, p.send(patient(t), note(i)))
			wantEqual(t, <-notes, note(i))
		}
		ok(t, r.stop())
		wantStats(t, r, reactor.Stats{Handled: 20})
	})
}

func TestHandleDropsItsAnswerWhereNothingCanBeSentBack(t *testing.T) {
	onEachPairing(t, oneWay, func(t *testing.T, _ pairing, s reactor.Socket, p peer) {
		h, notes := observed()
		r := serve(t, h, sockets(s))
		ok(t, p.send(patient(t), ask("into the void")))
		ok(t, p.send(patient(t), note(1)))
		wantEqual(t, <-notes, note(1))
		ok(t, r.stop())
		wantStats(t, r, reactor.Stats{Handled: 2})
	})
}

func TestStreamAnswersWithManyMessagesAndAStatus(t *testing.T) {
	onEachPairing(t, replying, func(t *testing.T, kind pairing, s reactor.Socket, p peer) {
		if kind.one {
			wantNoStream(t, s, p)
			return
		}
		serve(t, counting(echoing()), sockets(s))
		ok(t, p.send(patient(t), note(30)))
		for i := range 30 {
			wantEqual(t, must(p.next(patient(t)))(t), &testv1.EchoResponse{Text: fmt.Sprint(i)})
		}
		wantEqual(t, must(p.next(patient(t)))(t), &mitterev1.Status{})
	})
}

// wantNoStream checks that who waits for one answer gets one, which says that
// there is no stream.
func wantNoStream(t *testing.T, s reactor.Socket, p peer) {
	r := serve(t, counting(echoing()), sockets(s))
	_, err := p.exchange(t, note(3))
	wantCode(t, err, messaging.FailedPrecondition)
	wantEqual(t, p.answer(t, ask("next")), &testv1.EchoResponse{Text: "next"})
	ok(t, r.stop())
	wantStats(t, r, reactor.Stats{Handled: 2, Failed: 1})
}

func TestStreamFailsWhereNothingCanBeSentBack(t *testing.T) {
	onEachPairing(t, oneWay, func(t *testing.T, _ pairing, s reactor.Socket, p peer) {
		r := serve(t, counting(reactor.NewHandlers()), sockets(s))
		ok(t, p.send(patient(t), note(3)))
		eventually(t, "the stream fails", func() bool { return r.Stats().Failed == 1 })
		ok(t, r.stop()) // with the line in the log
		r.log.one(t, "message failed")
	})
}

func TestStreamEndsWithTheErrorOfItsHandler(t *testing.T) {
	zmq := newContext(t)
	h := reactor.NewHandlers()
	reactor.Stream(h, func(_ context.Context, _ *testv1.Note, send func(*testv1.EchoResponse) error) error {
		ok(t, send(&testv1.EchoResponse{Text: "first"}))
		return messaging.Errorf(messaging.OutOfRange, "there is no second")
	})
	s, p := responseAndDealer(t, zmq, tcp)
	serve(t, h, sockets(s))
	wantEqual(t, p.answer(t, note(2)), &testv1.EchoResponse{Text: "first"})
	_, err := p.next(patient(t))
	wantCode(t, err, messaging.OutOfRange)
}

func TestStreamMayReuseItsItem(t *testing.T) {
	const items = 5000 // more than the queues of the sockets hold
	zmq := newContext(t)
	h := reactor.NewHandlers()
	reactor.Stream(h, func(_ context.Context, n *testv1.Note, send func(*testv1.Note) error) error {
		item := &testv1.Note{}
		for i := range n.GetNumber() {
			item.Number = i
			if err := send(item); err != nil {
				return err
			}
		}
		return nil
	})
	s, p := routerAndDealer(t, zmq, inprocEndpoint(t))
	serve(t, h, sockets(s))
	ok(t, p.send(patient(t), note(items)))
	for i := range items {
		wantEqual(t, must(p.next(patient(t)))(t), &testv1.Note{Number: int64(i)})
	}
	wantEqual(t, must(p.next(patient(t)))(t), &mitterev1.Status{})
}

// TestFrameIsReleasedAfterItsHandlerAndTheMessageSharesNothingWithIt has a
// context that overwrites released frames.
func TestFrameIsReleasedAfterItsHandlerAndTheMessageSharesNothingWithIt(t *testing.T) {
	var body []byte
	messages := make(chan *testv1.EchoRequest, 1)
	h := reactor.NewHandlers()
	reactor.Observe(h, func(ctx context.Context, m *testv1.EchoRequest) error {
		body = reactor.CallFrom(ctx).Delivery.Body
		if !bytes.Contains(body, []byte("still here")) {
			t.Errorf("the frame %q was released before the handler had ended", body)
		}
		messages <- m
		return nil
	})
	s, p := pullAndPush(t, newContext(t), inprocEndpoint(t))
	r := serve(t, h, sockets(s))
	ok(t, p.send(patient(t), ask("still here")))
	m := <-messages
	ok(t, r.stop())
	wantEqual(t, m, ask("still here"))
	if bytes.Contains(body, []byte("still here")) {
		t.Errorf("the frame %q was not released", body)
	}
}
