package broker_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// narrow has a connection take one message after the other.
func narrow() comm.Option { return comm.WithHighWaterMark(1) }

// inproc returns a peer that reads nothing by itself: what it has not received fills
// its queue, and nothing else does.
func (r *running) inproc(t testing.TB) *peer {
	t.Helper()
	endpoint, _ := r.Inner()
	return r.dialAt(t, endpoint, narrow())
}

func TestSlowPeerForWhomTooMuchWaitsIsGivenUp(t *testing.T) {
	const answer = 1000
	for name, c := range map[string]struct {
		option broker.Option
		most   int // messages that may wait
	}{
		"messages":          {broker.WithBacklog(10, 1<<30, 1<<30), 10},
		"bytes of one":      {broker.WithBacklog(1000, 10*answer, 1<<30), 10},
		"bytes of all":      {broker.WithBacklog(1000, 1<<30, 10*answer), 10},
		"one is never kept": {broker.WithBacklog(1, 1, 1<<30), 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, broker.WithSocket(narrow()), broker.WithDrainTimeout(0), c.option)
			ctx, cancel := context.WithCancel(patient(t))
			var working sync.WaitGroup
			worker := b.dial(t)
			working.Go(func() { worker.work(ctx, "echo", func(string) string { return strings.Repeat("x", answer) }) })
			lazy := b.inproc(t)
			most := 0
			for range 200 { // far more than the queues take
				lazy.say("", "MDPC01", "echo", "x")
				most = max(most, b.Stats().Waiting)
			}
			eventually(t, "it is given up", func() bool { return b.Stats().Undeliverable > 0 })
			if most > c.most {
				t.Errorf("%d messages waited", most)
			}
			client := b.dial(t)
			client.say("", "MDPC01", "echo", "x")
			if got := client.want(); len(got) != 4 || len(got[3]) != answer {
				t.Errorf("another client got %d frames", len(got))
			}
			cancel()
			working.Wait()
		})
	}
}

func TestSlowestPeerIsGivenUpForAll(t *testing.T) {
	b := serve(t, broker.WithSocket(narrow()), broker.WithBacklog(1000, 1<<30, 100_000))
	ctx, cancel := context.WithCancel(patient(t))
	var working sync.WaitGroup
	worker := b.dial(t)
	working.Go(func() { worker.work(ctx, "echo", func(body string) string { return body }) })
	small, large := b.inproc(t), b.inproc(t)
	for range 20 {
		small.say("", "MDPC01", "echo", "x")
	}
	eventually(t, "some wait for the small one", func() bool { return b.Stats().Waiting > 5 && b.Stats().Load.Calls == 0 })
	for range 20 {
		large.say("", "MDPC01", "echo", strings.Repeat("x", 20_000))
	}
	eventually(t, "the large one is given up", func() bool { return b.Stats().Undeliverable > 0 })
	for i := range 20 {
		if got := small.want(); !slices.Equal(got, []string{"", "MDPC01", "echo", "x"}) {
			t.Fatalf("answer %d is %q", i, got)
		}
	}
	cancel()
	working.Wait()
}

// unread has answers wait for a client that reads nothing, at a broker whose drain
// outlasts the test.
func unread(t *testing.T, options ...broker.Option) (b *running, lazy *peer) {
	t.Helper()
	b = serve(t, append([]broker.Option{broker.WithSocket(narrow()), broker.WithDrainTimeout(2 * patience)}, options...)...)
	lazy = b.inproc(t)
	for range unreadAnswers {
		lazy.say("", "MDPC01", "mmi.service", "echo")
	}
	eventually(t, "answers wait", func() bool { return b.Stats().Waiting > 0 })
	return b, lazy
}

const unreadAnswers = 20

func TestBrokerStopsThoughAPeerReadsNothing(t *testing.T) {
	b, _ := unread(t, broker.WithUnreadPatience(50*time.Millisecond))
	b.cancel()
	select {
	case <-b.ended:
	case <-patient(t).Done():
		t.Fatal("the broker waits for a client that reads nothing")
	}
	if s := b.Stats(); s.Undeliverable == 0 || s.Waiting != 0 {
		t.Errorf("%d messages were given up, %d wait", s.Undeliverable, s.Waiting)
	}
}

func TestBrokerThatStopsWaitsForASlowPeer(t *testing.T) {
	b, lazy := unread(t, broker.WithUnreadPatience(patience))
	b.cancel()
	eventually(t, "it stops", b.Stopping)
	for range unreadAnswers {
		lazy.want()
	}
	ok(t, b.stop())
	if s := b.Stats(); s.Undeliverable != 0 {
		t.Errorf("%d messages were given up", s.Undeliverable)
	}
}

func TestWorkerThatDisconnectedGetsNothingThatWaited(t *testing.T) {
	b := serve(t, broker.WithSocket(narrow()), broker.WithHeartbeat(slow, 3), broker.WithDrainTimeout(0),
		broker.WithLimits(desk.Limits{Deliveries: 1000}))
	worker, client := b.inproc(t), b.dial(t)
	worker.ready("echo")
	client.say("", "MDPC01", "echo", "x")
	for sent := 0; b.Stats().Waiting == 0; { // its queue is filled with the same request
		sent++
		eventually(t, "it is given on", func() bool { return int(b.Stats().Counters.Delivered) == sent })
		if b.Stats().Waiting == 0 {
			worker.ready("echo") // anew
		}
	}
	worker.say("", "MDPW01", "\x05")
	eventually(t, "it is no worker", func() bool { return len(b.workers()) == 0 })
	if s := b.Stats(); s.Waiting != 0 || s.WaitingBytes != 0 {
		t.Errorf("%d messages of %d bytes wait for it", s.Waiting, s.WaitingBytes)
	}
}
