package ticker_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	tickerv1 "github.com/mittere/mittere/gen/ticker/v1"

	"github.com/mittere/mittere/examples/ticker"
	"github.com/mittere/mittere/gen/ticker/v1/tickerv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/servicetest"
)

// watched is the handler with a look at what it does.
type watched struct {
	ticker.Handler
	begun atomic.Uint64 // sends
	ended chan error    // what the handler returned
}

// Ticks counts the ticks that are sent.
func (w *watched) Ticks(ctx context.Context, req *tickerv1.TicksRequest, send func(*tickerv1.TicksResponse) error) error {
	err := w.Handler.Ticks(ctx, req, func(resp *tickerv1.TicksResponse) error {
		w.begun.Add(1)
		return send(resp)
	})
	w.ended <- err
	return err
}

// start serves a handler until the test ends, and returns its client.
func start(t *testing.T, handler tickerv1mittere.TickerServiceHandler) *tickerv1mittere.TickerServiceClient {
	t.Helper()
	handlers := reactor.NewHandlers()
	tickerv1mittere.RegisterTickerService(handlers, handler)
	return tickerv1mittere.NewTickerServiceClient(servicetest.Client(t, "ticker", handlers, service.WithStreamsEnded()))
}

func TestTicksAreCountedAndEnd(t *testing.T) {
	c := start(t, ticker.Handler{})
	var last uint64
	var sent int64
	for item, err := range c.Ticks(t.Context(), &tickerv1.TicksRequest{IntervalNano: 1, Count: 100}) {
		if err != nil {
			t.Fatal(err)
		}
		tick := item.GetTick()
		if tick.GetNumber() != last+1 || tick.GetTimeUnixNano() < sent {
			t.Fatalf("got %v behind number %d of %d", tick, last, sent)
		}
		last, sent = tick.GetNumber(), tick.GetTimeUnixNano()
	}
	if last != 100 {
		t.Errorf("the last one was %d, want 100", last)
	}
}

func TestAnIntervalMustBePositive(t *testing.T) {
	c := start(t, ticker.Handler{})
	for _, interval := range []int64{0, -1} {
		for item, err := range c.Ticks(t.Context(), &tickerv1.TicksRequest{IntervalNano: interval}) {
			if item != nil || messaging.CodeOf(err) != messaging.InvalidArgument {
				t.Errorf("interval %d: got %v, %v, want INVALID_ARGUMENT", interval, item, err)
			}
		}
	}
}

func TestTheHandlerEndsWhenItsReaderLeaves(t *testing.T) {
	w := &watched{ended: make(chan error, 1)}
	c := start(t, w)
	for _, err := range c.Ticks(t.Context(), &tickerv1.TicksRequest{IntervalNano: int64(time.Hour)}) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if err := <-w.ended; messaging.CodeOf(err) != messaging.Cancelled {
		t.Errorf("the handler returned %v, want CANCELLED", err)
	}
}

func TestASlowReaderIsWaitedFor(t *testing.T) {
	const window = 2
	w := &watched{ended: make(chan error, 1)}
	c := start(t, w)
	for item, err := range c.Ticks(t.Context(), &tickerv1.TicksRequest{IntervalNano: 1, Count: 50}, call.WithWindow(window)) {
		if err != nil {
			t.Fatal(err)
		}
		// It has credit for window more than were read before this one, and one more
		// waits in send.
		if read, begun := item.GetTick().GetNumber()-1, w.begun.Load(); begun > read+window+1 {
			t.Errorf("%d sends while %d items were read", begun, read)
		}
	}
	<-w.ended
}
