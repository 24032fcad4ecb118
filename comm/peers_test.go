//go:build cgo

package comm_test

import (
	"testing"

	zmq "github.com/pebbe/zmq4"
)

// foreign returns one of libzmq's own sockets, used by this goroutine alone.
func foreign(t *testing.T, kind zmq.Type, endpoint string) *zmq.Socket {
	t.Helper()
	ctx, err := zmq.NewContext()
	ctx = must(t, ctx, err)
	s, err := ctx.NewSocket(kind)
	s = must(t, s, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := ctx.Term(); err != nil {
			t.Error(err)
		}
	})
	for _, err := range []error{s.SetLinger(0), s.SetSndhwm(0), s.SetRcvtimeo(patience), s.Connect(endpoint)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// say sends one message from a foreign socket.
func say(t *testing.T, s *zmq.Socket, frames ...any) {
	t.Helper()
	if _, err := s.SendMessage(frames...); err != nil {
		t.Fatal(err)
	}
}

// hear compares the next message of a foreign socket.
func hear(t *testing.T, s *zmq.Socket, want ...string) {
	t.Helper()
	got, err := s.RecvMessage(0)
	if err != nil || len(got) != len(want) {
		t.Fatalf("received %q (%v), want %q", got, err, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("received %q, want %q", got, want)
		}
	}
}

func TestLibzmqsREQIsAnsweredByAResponse(t *testing.T) {
	r := newRig(t)
	rep := r.response("tcp://127.0.0.1:*")
	r.answer(rep)
	req := foreign(t, zmq.REQ, at(rep))
	for _, text := range []string{"one", "", "three"} {
		say(t, req, text, "and more")
		hear(t, req, text, "and more")
	}
}

func TestLibzmqsREPAnswersARequest(t *testing.T) {
	r := newRig(t)
	req := r.request("@tcp://127.0.0.1:*")
	rep := foreign(t, zmq.REP, at(req))
	r.spawned.Go(func() {
		reply, err := req.Do(r.ctx, []byte("question"))
		if err != nil || string(reply.Frames[0]) != "answer" {
			t.Errorf("the reply is %q (%v)", reply.Frames, err)
		}
	})
	hear(t, rep, "question")
	say(t, rep, "answer")
	r.spawned.Wait()
}

func TestLibzmqsSUBGetsWhatAPublisherSends(t *testing.T) {
	r := newRig(t)
	p := r.publisher("tcp://127.0.0.1:*")
	sub := foreign(t, zmq.SUB, at(p))
	if err := sub.SetSubscribe("topic"); err != nil {
		t.Fatal(err)
	}
	r.ok(p.WaitForSubscribers(r.ctx, 1, []byte("topic")))
	r.send(p, "other", "not this")
	r.send(p, "topic", "this")
	hear(t, sub, "topic", "this")
}

func TestSubscriberGetsWhatLibzmqsXPUBSends(t *testing.T) {
	r := newRig(t)
	s := r.subscriber("@tcp://127.0.0.1:*")
	r.ok(s.Subscribe([]byte("topic")))
	pub := foreign(t, zmq.XPUB, at(s))
	hear(t, pub, "\x01topic")
	say(t, pub, "topic", "news")
	r.want(s, "topic", "news")
	r.ok(s.Unsubscribe([]byte("topic")))
	hear(t, pub, "\x00topic")
}

func TestLibzmqsDEALERAndROUTERArePeers(t *testing.T) {
	r := newRig(t)
	router := r.router("tcp://127.0.0.1:*")
	dealer := foreign(t, zmq.DEALER, at(router))
	say(t, dealer, "hello", "router")
	got := r.recv(router)
	r.send(router, got[0], "hello", "dealer")
	hear(t, dealer, "hello", "dealer")

	d := r.dealer("@tcp://127.0.0.1:*")
	other := foreign(t, zmq.ROUTER, at(d))
	r.send(d, "from", "dealer")
	frames, err := other.RecvMessage(0)
	if err != nil || len(frames) != 3 {
		t.Fatalf("received %q (%v)", frames, err)
	}
	say(t, other, frames[0], "from", "router")
	r.want(d, "from", "router")
}
