package messaging_test

import (
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// bad is what a Response would answer with an error.
func bad() comm.Message { return comm.NewMessage([]byte("x"), nil, []byte("garbage")) }

// A Dealer's own sends wait for room, so an error that it sent back would hold
// up everything that is behind the bad message.
func TestPeerThatSendsGarbageAndDoesNotReadHoldsUpNoDealer(t *testing.T) {
	const garbage = 100
	zmq := newContext(t)
	few := comm.WithHighWaterMark(2)
	dealer := must(messaging.NewDealer(zmq, "@"+inprocEndpoint(t), messaging.WithSocket(few)))(t)
	peer := must(comm.NewDealer(zmq, of(dealer), few))(t)
	sent := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < garbage && err == nil; i++ {
			err = peer.Send(patient(t), bad())
		}
		sent <- err
	}()
	for range garbage {
		if d, err := dealer.Recv(patient(t)); messaging.CodeOf(err) != messaging.InvalidArgument {
			t.Fatalf("received %v (%v)", d, err)
		}
	}
	send(t, <-sent)
	good := must(messaging.Pack(note(7)))(t)
	send(t, peer.Send(patient(t), comm.NewMessage(good.Append(nil))))
	must(dealer.Recv(patient(t)))(t)
}

func TestPairTellsNobodyOfMalformedMessages(t *testing.T) {
	zmq := newContext(t)
	pair := must(messaging.NewPair(zmq, "@"+inprocEndpoint(t)))(t)
	peer := must(comm.NewPair(zmq, of(pair)))(t)
	send(t, peer.Send(patient(t), bad()))
	if _, err := pair.Recv(patient(t)); messaging.CodeOf(err) != messaging.InvalidArgument {
		t.Fatal(err)
	}
	send(t, pair.Send(patient(t), note(1)))
	m := must(peer.Recv(patient(t)))(t)
	if len(m.Frames) != 1 {
		t.Errorf("the peer received %q first", m.Frames)
	}
}
