package comm_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
)

func TestPublisherCountsTheSubscriptionsThatMatch(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		p := r.publisher(bind)
		a, b := r.subscriber(at(p)), r.subscriber(at(p))
		r.subscribe(p, a, "")
		r.subscribe(p, a, "news")
		r.subscribe(p, b, "news/sport")
		r.ok(b.Subscribe([]byte("news/sport"))) // again: nothing new
		for topic, want := range map[string]int{"": 1, "new": 1, "news": 2, "news/sport": 3, "news/sport/1": 3, "other": 1} {
			if got := p.Subscribers([]byte(topic)); got != want {
				t.Errorf("%q: %d subscriptions, want %d", topic, got, want)
			}
		}
		r.ok(a.Unsubscribe([]byte("news")))
		r.ok(b.Close())
		r.eventually("they are counted no more", func() bool { return p.Subscribers([]byte("news/sport")) == 1 })
		r.ok(a.Close())
		r.eventually("none is left", func() bool { return p.Subscribers([]byte("news/sport")) == 0 })
	})
}

func TestWaitingForSubscribersEndsWhenThereAreEnough(t *testing.T) {
	r := newRig(t)
	p := r.publisher("@inproc://here")
	enough := make(chan error, 1)
	r.spawned.Go(func() { enough <- p.WaitForSubscribers(r.ctx, 3, []byte("topic")) })
	for n := range 3 {
		if len(enough) > 0 {
			t.Fatalf("it ended with %d: %v", n, <-enough)
		}
		r.subscribe(p, r.subscriber(at(p)), "top")
	}
	r.ok(<-enough)
	r.ok(p.WaitForSubscribers(r.ctx, 0, nil))
}

func TestManySubscriptionsOfOneSubscriberAllArrive(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		const n = 3000 // more than any high-water mark here
		p := r.publisher(bind)
		s := r.subscriber(at(p), few)
		for i := range n {
			r.ok(s.Subscribe(fmt.Appendf(nil, "topic %d.", i)))
		}
		for i := range n {
			r.ok(p.WaitForSubscribers(r.ctx, 1, fmt.Appendf(nil, "topic %d.", i)))
		}
	})
}

func TestSubscriptionsAreMadeAgainWhenThePublisherComesBack(t *testing.T) {
	r := newRig(t)
	p := r.publisher("tcp://127.0.0.1:*")
	endpoint := at(p)
	s := r.subscriber(endpoint)
	r.subscribe(p, s, "a")
	r.subscribe(p, s, "b")
	r.ok(s.Unsubscribe([]byte("b")))
	r.send(p, "a")
	r.want(s, "a")
	// From here on nobody receives: libzmq needs somebody to do its work.
	r.ok(p.Close())
	again := r.publisher("")
	r.eventually("its port is free", func() bool { return again.Bind(endpoint) == nil })
	r.ok(again.WaitForSubscribers(r.ctx, 1, []byte("a")))
	r.send(again, "b")
	r.send(again, "a")
	r.want(s, "a")
}

func TestPublisherCountsAForwarderOnce(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		p := r.publisher(bind)
		behind, front := r.xsub(at(p)), r.xpub(elsewhere(bind))
		r.forward(front, behind)
		r.forward(behind, front)
		var subscribers []*comm.Subscriber
		for range 5 {
			s := r.subscriber(at(front))
			r.ok(s.Subscribe([]byte("news")))
			subscribers = append(subscribers, s)
		}
		// Subscriptions keep their order: when the last has arrived, all have.
		r.eventually("all are passed on", func() bool { return front.Stats().Received == 5 })
		r.ok(subscribers[0].Subscribe([]byte("last")))
		r.ok(p.WaitForSubscribers(r.ctx, 1, []byte("last")))
		if n := p.Subscribers([]byte("news")); n != 1 {
			t.Errorf("it is counted %d times", n)
		}
		for _, s := range subscribers[1:] {
			r.ok(s.Close())
		}
		r.eventually("their ends are passed on", func() bool { return front.Stats().Received == 10 })
		r.send(p, "news", "for the first")
		r.want(subscribers[0], "news", "for the first")
		r.ok(subscribers[0].Close())
		r.eventually("it is counted no more", func() bool { return p.Subscribers([]byte("news")) == 0 })
	})
}

func TestXPubTellsOfEachSubscriptionAndItsEnd(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		x := r.xpub(bind)
		a, b := r.subscriber(at(x)), r.subscriber(at(x))
		for _, s := range []*comm.Subscriber{a, b} {
			r.ok(s.Subscribe([]byte("news")))
			r.want(x, "\x01news")
		}
		r.ok(a.Unsubscribe([]byte("news")))
		r.want(x, "\x00news")
		r.ok(b.Close())
		r.want(x, "\x00news")
	})
}

// A peer sends what is no subscription as fast as the wire takes it. libzmq
// would keep it all, some hundred megabytes a second.
func TestLoadOfNoSubscriptionsDoesNotMakeAPublisherGrow(t *testing.T) {
	before := residentBytes(t)
	r := newRig(t)
	p := r.publisher("tcp://127.0.0.1:*")
	s := r.subscriber(at(p))
	r.subscribe(p, s, "good")
	for range 3 {
		r.flood(p)
	}
	for until := time.Now().Add(faulttest.Length(t)); time.Now().Before(until); {
		r.send(p, "good", "news")
		r.want(s, "good", "news")
	}
	// Without a bound it grows by some 300 MB a second; with it, by 25 MB at most.
	if grown := residentBytes(t) - before; grown > 150<<20 {
		t.Errorf("the process has grown by %d MB", grown>>20)
	}
	unexpected := p.Stats().Unexpected
	t.Logf("%d messages were dropped", unexpected)
	if unexpected == 0 {
		t.Error("the messages are not counted")
	}
}

// flood sends a publisher what is no subscription until it closes.
func (r *rig) flood(p *comm.Publisher) {
	c := r.dialReady(p, "XSUB")
	frames := bytes.Repeat([]byte("\x00\x02\x02x"), 10_000)
	ctx, stop := context.WithCancel(r.ctx)
	r.spawned.Go(func() {
		for ctx.Err() == nil {
			if _, err := c.Write(frames); err != nil {
				return
			}
		}
	})
	r.Cleanup(func() { stop(); c.Close() })
}

// residentBytes is the memory of this process, less what earlier tests left to the
// garbage collector.
func residentBytes(t *testing.T) int {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("cannot see the memory of a process on this system:", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(status))[1])
	return must(t, pages, err) * os.Getpagesize()
}
