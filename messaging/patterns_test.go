package messaging_test

import (
	"bytes"
	"context"
	"testing"

	zmq4 "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

// The table of patterns in docs/wire.md, with libzmq's own sockets on the other
// side.

// listening returns a socket of libzmq that is bound.
func listening(t *testing.T, kind zmq4.Type) (*zmq4.Socket, string) {
	t.Helper()
	s := libzmq(t, kind)
	if err := s.Bind("tcp://127.0.0.1:*"); err != nil {
		t.Fatal(err)
	}
	return s, must(s.GetLastEndpoint())(t)
}

// A frame in the table that is no fixed bytes.
var (
	anyPeer  = []byte("any peer")
	envelope = []byte("the envelope")
	firstID  = []byte{0, 0, 0, 0, 0, 0, 0, 1}
)

// patterns are the rows: who sends a note, and what its peer of libzmq receives.
var patterns = []struct {
	name string
	peer zmq4.Type
	send func(t *testing.T, zmq *comm.Context, endpoint string)
	want [][]byte
}{
	{"Push to PULL", zmq4.PULL, func(t *testing.T, zmq *comm.Context, endpoint string) {
		send(t, must(messaging.NewPush(zmq, endpoint))(t).Send(patient(t), note(1)))
	}, [][]byte{envelope}},
	{"Pair to PAIR", zmq4.PAIR, func(t *testing.T, zmq *comm.Context, endpoint string) {
		send(t, must(messaging.NewPair(zmq, endpoint))(t).Send(patient(t), note(1)))
	}, [][]byte{envelope}},
	{"Dealer to DEALER", zmq4.DEALER, sendAsDealer(nil), [][]byte{envelope}},
	{"Dealer to ROUTER", zmq4.ROUTER, sendAsDealer(nil), [][]byte{anyPeer, envelope}},
	{"Dealer with delimiter to ROUTER", zmq4.ROUTER, sendAsDealer(messaging.Delimiter()), [][]byte{anyPeer, nil, envelope}},
	{"Dealer with delimiter to REP", zmq4.REP, sendAsDealer(messaging.Delimiter()), [][]byte{envelope}},
	{"Request to ROUTER", zmq4.ROUTER, sendAsRequest, [][]byte{anyPeer, firstID, nil, envelope}},
	{"Request to REP", zmq4.REP, sendAsRequest, [][]byte{envelope}},
}

func sendAsDealer(route messaging.Route) func(t *testing.T, zmq *comm.Context, endpoint string) {
	return func(t *testing.T, zmq *comm.Context, endpoint string) {
		send(t, must(messaging.NewDealer(zmq, endpoint))(t).SendTo(patient(t), route, note(1)))
	}
}

// sendAsRequest asks and waits for no answer, until the end of the test.
func sendAsRequest(t *testing.T, zmq *comm.Context, endpoint string) {
	req := must(messaging.NewReq(zmq, endpoint))(t)
	inBackground(t, func(ctx context.Context) {
		if _, err := req.Do(ctx, note(1)); messaging.CodeOf(err) != messaging.Cancelled {
			t.Errorf("the request ended with %v", err)
		}
	})
}

func TestFramesOfEachPatternAreThoseOfTheWireDocument(t *testing.T) {
	for _, row := range patterns {
		t.Run(row.name, func(t *testing.T) {
			peer, endpoint := listening(t, row.peer)
			row.send(t, newContext(t), endpoint)
			wantFrames(t, must(peer.RecvMessageBytes(0))(t), row.want)
		})
	}
}

// wantFrames checks the frames of a message.
func wantFrames(t *testing.T, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("the frames % x, want %q", got, want)
	}
	for i := range want {
		expected := want[i]
		switch {
		case bytes.Equal(expected, anyPeer) && len(got[i]) > 0:
			continue
		case bytes.Equal(expected, envelope):
			expected = frame(t, note(1))
		}
		if !bytes.Equal(got[i], expected) {
			t.Errorf("frame %d is % x, want % x", i, got[i], expected)
		}
	}
}

func TestPublishedMessagesAreOneFrameForLibzmqsSUB(t *testing.T) {
	pub := must(messaging.NewPublisher(newContext(t), "tcp://127.0.0.1:*", messaging.WithoutMeta()))(t)
	sub := libzmq(t, zmq4.SUB)
	topic := messaging.OfSubject((*testv1.Note)(nil), "room", "7").Prefix()
	for _, err := range []error{sub.SetSubscribe(string(topic)), sub.Connect(of(pub))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := pub.WaitForSubscribers(patient(t), 1, note(1), "room", "7"); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"8", "70", "7"} {
		send(t, pub.Send(patient(t), &testv1.Note{Text: "hi", Number: 7}, messaging.Subject("room", subject)))
	}
	got := must(sub.RecvMessageBytes(0))(t)
	if want := frameOf(t, "subject"); len(got) != 1 || !bytes.Equal(got[0], want) {
		t.Errorf("the first message is % x, want % x", got, want)
	}
}

func TestSubscriberTakesWhatLibzmqsPUBPublishes(t *testing.T) {
	pub, endpoint := listening(t, zmq4.XPUB)
	sub := must(messaging.NewSubscriber(newContext(t), endpoint,
		messaging.WithTopics(messaging.OfSubtree((*testv1.Note)(nil), "room"))))(t)
	asked := must(pub.RecvMessageBytes(0))(t)
	want := append([]byte{1}, messaging.OfSubtree((*testv1.Note)(nil), "room").Prefix()...)
	if len(asked) != 1 || !bytes.Equal(asked[0], want) {
		t.Fatalf("the subscription is % x, want % x", asked, want)
	}
	must(pub.SendBytes(frameOf(t, "note"), 0))(t) // not selected
	must(pub.SendBytes(frameOf(t, "subject"), 0))(t)
	wantEqual(t, receive[*testv1.Note](t, sub), &testv1.Note{Text: "hi", Number: 7})
}

func TestRouteOfARequestIsPeerAndDelimiter(t *testing.T) {
	rep := must(messaging.NewRep(newContext(t), "tcp://127.0.0.1:*"))(t)
	req := libzmq(t, zmq4.REQ)
	for _, err := range []error{req.SetIdentity("anna"), req.Connect(of(rep))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(req.SendBytes(frame(t, note(1)), 0))(t)
	d := must(rep.Recv(patient(t)))(t)
	wantFrames(t, d.Route, [][]byte{[]byte("anna"), nil})
	send(t, echo(patient(t), d))
	wantFrames(t, must(req.RecvMessageBytes(0))(t), [][]byte{envelope})
}
