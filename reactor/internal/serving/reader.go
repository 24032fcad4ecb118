package serving

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/mittere/mittere/messaging"
)

// reader receives on a socket and hands its messages to its station: one goroutine at a time, the
// one whose turn it is.
type reader struct {
	station *Station
	turn    atomic.Uint64 // counts the goroutines that received; the latest does
	inline  inlineWatch
}

// start has a goroutine receive.
func (r *reader) start() {
	r.inline.replace = func() { r.listen(r.turn.Add(1)) }
	r.inline.replace()
}

// listen has a goroutine receive for as long as it is its turn.
func (r *reader) listen(turn uint64) {
	r.station.road.readers.Go(func() {
		ended := false
		defer func() {
			if !ended && r.turn.Load() == turn { // a handler ended this goroutine, by runtime.Goexit
				r.listen(turn)
			}
		}()
		r.receive(r.station.road.receiving, turn)
		ended = true
		if r.station.refuses && r.turn.CompareAndSwap(turn, turn+1) {
			r.station.road.senders.Go(func() { r.linger(turn + 1) })
		}
	})
}

// linger receives what concerns the requests that still run when the reactor stops, such as
// credit, cancels and heartbeats. All else is refused.
func (r *reader) linger(turn uint64) {
	r.station.drain()
	r.receive(r.station.road.handling, turn)
}

// receive hands on messages until ctx ends, or another goroutine's turn begins, or the
// socket is closed, which ends the run.
func (r *reader) receive(ctx context.Context, turn uint64) {
	var batch [1]*messaging.Delivery
	for ctx.Err() == nil && r.turn.Load() == turn {
		d, err := r.station.Recv(ctx)
		switch {
		case d != nil:
			batch[0] = d
			if !r.station.Take(batch[:]) {
				r.station.road.policy.awaitRoom(r.station.road.working)
			}
		case ctx.Err() != nil:
			return
		case fatal(err):
			r.station.road.stop(fmt.Errorf("reactor: %v: %w", r.station.Socket, err))
			return
		default:
			r.station.road.stats.Malformed.Add(1)
			r.station.road.warn("message dropped", "socket", r.station, "error", err)
		}
	}
}

// fatal reports whether a socket will receive nothing any more.
func fatal(err error) bool {
	return errors.Is(err, net.ErrClosed) || messaging.CodeOf(err) == messaging.Internal
}
