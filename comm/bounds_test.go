package comm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
)

// What happens at each bound: one test for each row of the table in the docs.

// bulk is a message that fills the system's buffers soon.
var bulk = strings.Repeat("bulk ", 1<<17)

// few is a high-water mark that is soon reached; drop leaves nothing behind that
// a closing context would wait for.
var (
	few  = comm.WithHighWaterMark(2)
	drop = comm.WithLinger(0)
)

// small is a maximum for frames; long is a frame that is one byte longer.
var (
	small = comm.WithMaxFrameSize(1024)
	long  = strings.Repeat("x", 1025)
)

// onTCPAndInproc runs a test with an endpoint to bind on either: the one has
// buffers of the system in between, the other does not.
func onTCPAndInproc(t *testing.T, test func(r *rig, bind string)) {
	t.Run("tcp", func(t *testing.T) { test(newRig(t), "@tcp://127.0.0.1:*") })
	t.Run("inproc", func(t *testing.T) { test(newRig(t), "@inproc://here") })
}

// waitingSender is a sender that tells how many wait on it.
type waitingSender interface {
	sender
	waiter
}

// sending is bulk that is sent until it is stopped.
type sending struct {
	stop   context.CancelFunc
	result chan error
}

// fill sends bulk until no more goes out, as far as can be seen.
func (r *rig) fill(s waitingSender) sending {
	r.Helper()
	ctx, stop := context.WithCancel(r.ctx)
	f := sending{stop: stop, result: make(chan error, 1)}
	r.spawned.Go(func() {
		for {
			if err := s.Send(ctx, message(bulk)); err != nil {
				f.result <- err
				return
			}
		}
	})
	r.untilBlocked(s)
	return f
}

// untilBlocked waits until a sender waits and nothing is sent for some looks.
func (r *rig) untilBlocked(s waitingSender) {
	r.Helper()
	last, still := uint64(0), 0
	r.eventually("a sender waits", func() bool {
		_, waiting := s.Waiting()
		if sent := s.Stats().Sent; waiting == 0 || sent != last {
			last, still = sent, 0
		}
		still++
		return still == 30
	})
}

// wantStopped ends what fill began: the call that waits must say so.
func (r *rig) wantStopped(f sending) {
	r.Helper()
	f.stop()
	err := <-f.result
	r.wantError(err, comm.Ended)
	r.wantError(err, context.Canceled)
}

func TestPushDealerAndPairWaitWhileNobodyIsThere(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		for _, s := range []waitingSender{r.push(bind), r.dealer(elsewhere(bind)), r.pair(elsewhere(elsewhere(bind)))} {
			r.wantStopped(r.fill(s))
			if sent := s.Stats().Sent; sent != 0 {
				t.Errorf("%v: sent %d messages to nobody", s.Kind(), sent)
			}
		}
	})
}

func TestRequestWaitsWhileNobodyIsThere(t *testing.T) {
	r := newRig(t)
	req := r.request("@tcp://127.0.0.1:*")
	ctx, stop := context.WithCancel(r.ctx)
	result := make(chan error, 1)
	r.spawned.Go(func() {
		_, err := req.Do(ctx, []byte("question"))
		result <- err
	})
	r.eventually("the request waits", func() bool { _, n := req.Waiting(); return n == 1 })
	r.wantStopped(sending{stop, result})
}

func TestPushWaitsForRoomAndGoesOn(t *testing.T) {
	onTCPAndInproc(t, func(r *rig, bind string) {
		pull := r.pull(bind, few)
		r.wantBlockedUntilReceived(r.push(at(pull), few, drop), pull)
	})
}

func TestDealerWaitsForRoomAndGoesOn(t *testing.T) {
	onTCPAndInproc(t, func(r *rig, bind string) {
		router := r.router(bind, few)
		r.wantBlockedUntilReceived(r.dealer(at(router), few, drop), router)
	})
}

func TestPairWaitsForRoomAndGoesOn(t *testing.T) {
	onTCPAndInproc(t, func(r *rig, bind string) {
		a := r.pair(bind, few)
		r.wantBlockedUntilReceived(r.pair(at(a), few, drop), a)
	})
}

func TestBlockingPublisherWaitsForRoomAndGoesOn(t *testing.T) {
	onTCPAndInproc(t, func(r *rig, bind string) {
		p := r.publisher(bind, few, drop, comm.WithOverflow(comm.Block))
		s := r.subscriber(at(p), few)
		r.subscribe(p, s, "")
		r.wantBlockedUntilReceived(p, s)
	})
}

// wantBlockedUntilReceived checks that a sender waits while the receiver is
// full, can give up, and goes on when the receiver makes room.
func (r *rig) wantBlockedUntilReceived(from waitingSender, to receiver) {
	r.Helper()
	r.wantStopped(r.fill(from))
	before := from.Stats().Sent
	blocked := r.fill(from)
	for from.Stats().Sent < before+20 {
		r.recv(to)
	}
	r.untilBlocked(from)
	r.wantStopped(blocked)
}

func TestHighWaterMarksOfBothEndsAddUpOverInproc(t *testing.T) {
	r := newRig(t)
	pull := r.pull("@inproc://here", comm.WithHighWaterMark(3))
	push := r.push(at(pull), comm.WithHighWaterMark(4))
	r.wantStopped(r.fill(push))
	if sent := push.Stats().Sent; sent != 7 {
		t.Errorf("%d messages went out, want 3 + 4", sent)
	}
}

func TestRouterSaysAtOnceThatOnePeerIsFullAndServesOthers(t *testing.T) {
	onTCPAndInproc(t, func(r *rig, bind string) {
		router := r.router(bind, few, drop)
		slow := r.dealer(at(router), few, comm.WithRoutingID("slow"))
		quick := r.dealer(at(router), few, comm.WithRoutingID("quick"))
		r.introduce(router, slow, "slow")
		r.introduce(router, quick, "quick")
		r.fillPeer(router, "slow")
		for i := range 100 {
			r.send(router, "quick", fmt.Sprint(i))
			r.want(quick, fmt.Sprint(i))
		}
		r.wantError(router.Send(r.ctx, message("slow", bulk)), comm.Full)
		r.spawned.Go(func() { r.ok(r.sendWhenRoom(r.ctx, router, message("slow", "at last"))) })
		for r.recv(slow)[0] != "at last" {
		}
	})
}

// introduce lets a router know a dealer.
func (r *rig) introduce(router *comm.Router, d *comm.Dealer, name string) {
	r.Helper()
	r.send(d, "hello")
	r.want(router, name, "hello")
}

// fillPeer sends bulk until the peer is full for a while.
func (r *rig) fillPeer(router *comm.Router, name string) {
	r.Helper()
	for full := 0; full < 20; full++ {
		switch err := router.Send(r.ctx, message(name, bulk)); {
		case err == nil:
			full = 0
		case errors.Is(err, comm.Full):
			r.ok(router.WaitRoom(r.ctx))
		default:
			r.Fatal(err)
		}
	}
}

func TestResponseSaysAtOnceThatAPeerIsFull(t *testing.T) {
	r := newRig(t)
	rep := r.response("@inproc://here", few)
	d := r.dealer(at(rep), few, comm.WithRoutingID("slow"))
	r.send(d, "question")
	r.want(rep, "slow", "question")
	route := message("slow").Frames
	for range 4 { // the marks of both ends
		r.ok(rep.Reply(r.ctx, route, []byte("answer")))
	}
	r.wantError(rep.Reply(r.ctx, route, []byte("answer")), comm.Full)
	for range 4 {
		r.want(d, "answer")
	}
	r.ok(r.reply(rep, route, message("answer").Frames))
	r.want(d, "answer")
}

func TestRouterSaysAtOnceThatThereIsNoSuchPeer(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		router := r.router(bind)
		d := r.dealer(at(router), comm.WithRoutingID("gone"))
		r.wantError(router.Send(r.ctx, message("nobody", "x")), comm.Unreachable)
		r.wantError(router.Send(r.ctx, message("", "x")), comm.Unreachable)
		r.introduce(router, d, "gone")
		r.ok(d.Close())
		r.eventually("the router knows that it has gone", func() bool {
			return errors.Is(router.Send(r.ctx, message("gone", "x")), comm.Unreachable)
		})
	})
}

func TestRouterSendsABatchUpToTheFirstThatIsRefused(t *testing.T) {
	r := newRig(t)
	router := r.router("@inproc://here")
	d := r.dealer(at(router), comm.WithRoutingID("ann"))
	r.introduce(router, d, "ann")
	batch := []comm.Message{message("ann", "1"), message("ann", "2"), message("nobody", "3"), message("ann", "4")}
	sent, err := router.SendBatch(r.ctx, batch)
	r.wantError(err, comm.Unreachable)
	if sent != 2 {
		t.Errorf("sent %d, want 2", sent)
	}
	r.want(d, "1")
	r.want(d, "2")
}

func TestRouterWantsMoreThanARoutingID(t *testing.T) {
	r := newRig(t)
	router := r.router("@inproc://here")
	r.wantError(router.Send(r.ctx, message("ann")), comm.Invalid)
	rep := r.response("@inproc://there")
	r.wantError(rep.Reply(r.ctx, message("ann").Frames), comm.Invalid)
}

func TestLossyPublisherNeverWaits(t *testing.T) {
	onTCPAndInproc(t, func(r *rig, bind string) {
		p := r.publisher(bind, few)
		slow := r.subscriber(at(p), few)
		r.subscribe(p, slow, "")
		for i := range 100 {
			r.send(p, fmt.Sprint(i), bulk)
		}
		r.want(slow, "0", bulk) // the oldest are kept, the newest dropped
		r.want(slow, "1", bulk)
		if n := r.rest(p, slow); n > 90 {
			t.Errorf("%d of 98 messages were kept, at a mark of 2", n)
		}
	})
}

// rest receives what is left, up to a last message that it sends itself.
func (r *rig) rest(p *comm.Publisher, s *comm.Subscriber) (n int) {
	r.Helper()
	ended, stopped := make(chan struct{}), make(chan struct{})
	r.spawned.Go(func() { // again and again: it too may be dropped
		defer close(stopped)
		for {
			select {
			case <-ended:
				return
			default:
				r.send(p, "end")
			}
		}
	})
	defer func() { close(ended); <-stopped }()
	for r.recv(s)[0] != "end" {
		n++
	}
	return n
}

func TestBlockingPublisherLosesNothingForASlowSubscriber(t *testing.T) {
	onTCPAndInproc(t, func(r *rig, bind string) {
		const n = 500
		p := r.publisher(bind, few, comm.WithOverflow(comm.Block))
		slow, quick := r.subscriber(at(p), few), r.subscriber(at(p))
		r.subscribe(p, slow, "")
		r.subscribe(p, quick, "")
		r.spawned.Go(func() {
			for i := range n {
				r.send(p, fmt.Sprint(i))
			}
		})
		for i := range n {
			r.want(slow, fmt.Sprint(i))
			r.want(quick, fmt.Sprint(i))
		}
	})
}

func TestFailingPublisherSendsToNobodyWhenOneIsFull(t *testing.T) {
	r := newRig(t)
	p := r.publisher("@inproc://here", few, comm.WithOverflow(comm.Fail))
	slow, quick := r.subscriber(at(p), few), r.subscriber(at(p), comm.WithHighWaterMark(100))
	r.subscribe(p, slow, "")
	r.subscribe(p, quick, "")
	for i := range 4 { // the marks of both ends
		r.send(p, fmt.Sprint(i))
	}
	r.wantError(p.Send(r.ctx, message("refused")), comm.Full)
	r.want(slow, "0")
	r.want(slow, "1") // libzmq tells of room for half a mark at a time
	r.eventually("there is room", func() bool { return p.Send(r.ctx, message("4")) == nil })
	for i := range 5 {
		r.want(quick, fmt.Sprint(i)) // and nothing in between
	}
}

func TestFrameThatIsTooLongIsNotSent(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.dealer(bind)
		b := r.dealer(at(a), small)
		r.wantError(b.Send(r.ctx, message("head", long)), comm.TooLarge)
		sent, err := b.SendBatch(r.ctx, []comm.Message{message("good"), message(long)})
		r.wantError(err, comm.TooLarge)
		if refused := b.Stats().Refused; sent != 0 || refused != 2 {
			t.Errorf("%d sent and %d refused, want 0 and 2", sent, refused)
		}
		r.send(b, long[1:])
		r.want(a, long[1:])
	})
}

func TestFrameThatIsTooLongIsDroppedAtReceiptOverInproc(t *testing.T) {
	r := newRig(t)
	a := r.dealer("@inproc://here", small)
	b := r.dealer(at(a))
	r.send(b, "1")
	r.send(b, "too long", long, "rest")
	r.send(b, "2", "two")
	r.want(a, "1")
	_, err := a.Recv(r.ctx)
	r.wantError(err, comm.TooLarge)
	r.want(a, "2", "two")
	if refused := a.Stats().Refused; refused != 1 {
		t.Errorf("%d refused, want 1", refused)
	}
}

func TestBatchEndsInFrontOfAFrameThatIsTooLong(t *testing.T) {
	r := newRig(t)
	a := r.dealer("@inproc://here", small)
	b := r.dealer(at(a))
	r.send(b, "1")
	r.send(b, long)
	r.send(b, "2")
	batch := make([]comm.Message, 8)
	n, err := a.RecvBatch(r.ctx, batch)
	r.wantError(err, comm.TooLarge)
	if n != 1 || string(batch[0].Frames[0]) != "1" {
		t.Errorf("received %d messages in front of it", n)
	}
	r.want(a, "2")
}

func TestPeerThatSendsAFrameThatIsTooLongIsDisconnected(t *testing.T) {
	for _, bind := range []string{"@tcp://127.0.0.1:*", "@ipc://*"} {
		r := newRig(t)
		pull := r.pull(bind, small)
		bad := r.push(at(pull), drop)
		r.send(bad, long)
		r.eventually("it is disconnected", func() bool { return pull.Stats().Disconnects > 0 })
		good := r.push(at(pull))
		r.send(good, long[1:])
		r.want(pull, long[1:])
	}
}

func TestMessageOfTooManyFramesIsDropped(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.dealer(bind, comm.WithMaxFrames(3))
		b := r.dealer(at(a))
		r.send(b, "1", "2", "3", "4")
		r.send(b, strings.Split(strings.Repeat("x", 5000), "")...)
		r.send(b, "1", "2", "3")
		for range 2 {
			_, err := a.Recv(r.ctx)
			r.wantError(err, comm.TooLarge)
		}
		r.want(a, "1", "2", "3")
		if refused := a.Stats().Refused; refused != 2 {
			t.Errorf("%d refused, want 2", refused)
		}
	})
}

func TestReplyThatIsTooLongDoesNotDisturbOtherRequests(t *testing.T) {
	r := newRig(t)
	rep := r.response("@inproc://here")
	req := r.request(at(rep), small)
	ctx, stop := context.WithCancel(r.ctx)
	result := make(chan error, 1)
	r.spawned.Go(func() {
		_, err := req.Do(ctx, []byte("first"))
		result <- err
	})
	m, err := rep.Recv(r.ctx)
	route, _ := splitRoute(must(t, m, err).Frames)
	r.ok(rep.Reply(r.ctx, route, []byte(long)))
	r.answer(rep)
	r.wantAnswer(req, "second")
	r.wantStopped(sending{stop, result})
}

func TestMessageWithoutFramesIsNotSent(t *testing.T) {
	r := newRig(t)
	for _, s := range []sender{r.publisher(""), r.dealer(""), r.router(""), r.push(""), r.pair(""), r.xpub(""), r.xsub("")} {
		r.wantError(s.Send(r.ctx, comm.Message{}), comm.Invalid)
	}
}

func TestForwarderSendsNothingButSubscriptionsToPublishers(t *testing.T) {
	r := newRig(t)
	x := r.xsub("")
	r.wantError(x.Send(r.ctx, message("\x02text")), comm.Invalid)
	r.wantError(x.Send(r.ctx, message("")), comm.Invalid)
	r.wantError(x.Send(r.ctx, message("\x01a", "b")), comm.Invalid)
	r.send(x, "\x01a")
	r.send(x, "\x00a")
}
