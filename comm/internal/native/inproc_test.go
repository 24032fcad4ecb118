package native

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm/internal/engine"
)

// A peer that waits to send does so as soon as it is connected, also while the ROUTER at
// the other end is still entering it.
func TestMessagesToARouterThatDialsHaveTheirRoutingID(t *testing.T) {
	r := newRig(t)
	for range 300 {
		dealer := r.socket(config(engine.Dealer), "@inproc://here")
		var sending sync.WaitGroup
		sending.Go(func() { r.send(dealer, "x") })
		r.eventually("it waits", func() bool { _, n := dealer.Waiting(); return n == 1 })
		router := r.socket(config(engine.Router), at(dealer))
		if got := r.recv(router); len(got) != 2 || got[0] == "" {
			t.Fatalf("received %q", got)
		}
		sending.Wait()
		r.ok(dealer.Close())
		r.ok(router.Close())
	}
}

func TestSubscribersThatDialEachOtherHoldUpNobody(t *testing.T) {
	r := newRig(t)
	a := r.socket(config(engine.Sub), "@inproc://a")
	r.ok(a.Subscribe([]byte("x")))
	b := r.socket(config(engine.Sub), "@inproc://b", "inproc://a")
	for _, name := range []string{"inproc://a", "inproc://b"} {
		r.ok(a.Attach(parse(name)))
	}
	var asking sync.WaitGroup
	for _, s := range []*socket{a, b} {
		asking.Go(func() {
			for i := range 500 {
				r.ok(s.Subscribe([]byte{byte(i)}))
				r.ok(s.Unsubscribe([]byte{byte(i)}))
			}
		})
	}
	asking.Wait()
}

// A publisher that waits for one subscriber leaves room at others to the calls behind it.
func TestPublicationsThatWaitForOneSubscriberHoldUpNoOthers(t *testing.T) {
	r := newRig(t)
	c := config(engine.Pub)
	c.Overflow, c.HighWaterMark = engine.Block, 1
	pub := r.socket(c, "@inproc://here")
	subscriber := func(topic string) *socket {
		c := config(engine.Sub)
		c.HighWaterMark = 1
		s := r.socket(c, at(pub))
		r.ok(s.Subscribe([]byte(topic)))
		return s
	}
	subscriber("stuck")
	reads := subscriber("reads")
	for range 2 {
		r.send(pub, "stuck")
		r.send(pub, "reads")
	}
	ctx, cancel := context.WithCancel(r.ctx)
	var sending sync.WaitGroup
	sending.Go(func() {
		if err := pub.Send(ctx, engine.Message{Frames: frames("stuck")}); !errors.Is(err, engine.Ended) {
			t.Errorf("the one that waits in vain gets %v", err)
		}
	})
	r.eventually("the first waits", func() bool { _, n := pub.Waiting(); return n == 1 })
	sending.Go(func() { r.send(pub, "reads") })
	r.eventually("both wait", func() bool { _, n := pub.Waiting(); return n == 2 })
	for range 3 {
		r.want(reads, "reads")
	}
	cancel()
	sending.Wait()
}

// A publisher would end the connection for it, and for each one after that.
func TestSubscriptionThatIsTooLongIsNotSent(t *testing.T) {
	r := newRig(t)
	pub := r.socket(config(engine.XPub), anyPort)
	sub := r.socket(config(engine.XSub), at(pub))
	long := append([]byte{1}, bytes.Repeat([]byte("x"), maxPrefix)...)
	if err := sub.Send(r.ctx, engine.Message{Frames: [][]byte{append(long, 'x')}}); !errors.Is(err, engine.TooLarge) {
		t.Errorf("the error is %v", err)
	}
	r.ok(sub.Send(r.ctx, engine.Message{Frames: [][]byte{long}}))
	r.want(pub, string(long))
}

// A subscriber that has told what it wants is counted, and then may be published to at once.
func TestOnlySubscribersHaveRoomBeforeBothEndsAreReady(t *testing.T) {
	r := newRig(t)
	for _, to := range []engine.Pattern{engine.Router, engine.Dealer, engine.Sub} {
		near, _ := newPipe(r.socket(config(engine.XPub)), r.socket(config(to)))
		if room, want := near.link.room(), to == engine.Sub; room != want {
			t.Errorf("%v: room before: %v", to, room)
		}
		near.link.(*pipe).open.Store(true)
		if !near.link.room() {
			t.Errorf("%v: no room when open", to)
		}
	}
}
