// Package ticker implements the service of proto/ticker: a stream that goes on for
// as long as somebody wants it. It stands on the generated stubs, and on reactor
// for the end of streams; server/ serves it.
package ticker

import (
	"context"
	"time"

	tickerv1 "github.com/mittere/mittere/gen/ticker/v1"

	"github.com/mittere/mittere/gen/ticker/v1/tickerv1mittere"
	"github.com/mittere/mittere/messaging"
)

// Handler ticks. Its method may be called by any number of goroutines at once.
type Handler struct{}

var _ tickerv1mittere.TickerServiceHandler = Handler{}

// Ticks sends ticks. While the caller has no room send waits, and what would have
// been sent meanwhile is left out, as a time.Ticker does: the numbers of ticks
// count those that were sent.
func (Handler) Ticks(ctx context.Context, req *tickerv1.TicksRequest, send func(*tickerv1.TicksResponse) error) error {
	interval := time.Duration(req.GetIntervalNano())
	if interval <= 0 {
		return messaging.Errorf(messaging.InvalidArgument, "an interval of %v: must be more than 0", interval)
	}
	clock := time.NewTicker(interval)
	defer clock.Stop()
	for number := uint64(1); ; number++ {
		tick := &tickerv1.Tick{Number: number, TimeUnixNano: time.Now().UnixNano()}
		if err := send(&tickerv1.TicksResponse{Tick: tick}); err != nil {
			return err
		}
		if number == req.GetCount() {
			return nil
		}
		select {
		case <-clock.C:
		case <-ctx.Done(): // the caller cancelled, went away, or its time is over
			return context.Cause(ctx)
		}
	}
}
