package serving

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/outbox"
)

// heartbeats keep the sessions of a socket alive, and end those that are silent.
type heartbeats struct{ *Station }

// DefaultHeartbeat is the least time between heartbeats unless an option says otherwise.
const DefaultHeartbeat = time.Second

const (
	// leastProbe stands between the end of a connection and a look at who is still there,
	// and so between two such looks.
	leastProbe = 50 * time.Millisecond
	// longestFarewell is how long clients may take to read the last word.
	longestFarewell = 500 * time.Millisecond
)

// run sends heartbeats, ends sessions that are silent, and drops old answers. It goes on until
// all handlers have ended.
func (h heartbeats) run() {
	tick := time.NewTicker(max(h.road.Heartbeat/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.beat(false)
		case <-h.road.handling.Done():
			h.bye()
			return
		}
	}
}

// beat sends the heartbeats that are due, or all.
func (h heartbeats) beat(all bool) {
	due, now := h.calls.due(all)
	for _, s := range due {
		err := h.whisper(s.path, &mitterev1.Heartbeat{Session: s.ID, SentAtNano: int64(now) + 1})
		if messaging.IsUnreachable(err) {
			h.calls.endSession(s, errGone)
		}
	}
}

// bye tells all peers that the server has stopped, behind the answers that they get. Then it
// waits until clients have hung up, as they do when they have read that: libzmq drops what a
// client has not read when its connection ends. A broker reads all the same.
func (h heartbeats) bye() {
	for _, s := range h.calls.all() {
		_ = h.outbox.Send(h.road.sending, h.farewell(s), outbox.Last) // nobody is left to tell
	}
	tick := time.NewTicker(leastProbe)
	defer tick.Stop()
	late := time.After(longestFarewell)
	for h.side.parts() && len(h.calls.all()) > 0 {
		select {
		case <-tick.C:
		case <-late:
			return
		case <-h.road.sending.Done():
			return
		}
		for _, s := range h.calls.all() {
			if messaging.IsUnreachable(h.outbox.Offer(h.road.sending, h.farewell(s))) {
				h.calls.endSession(s, errGone)
			}
		}
	}
}

// farewell returns the last word of a session. If all calls in it were answered, and no answer
// was dropped, what the peer still waits for was never executed.
func (h heartbeats) farewell(s *session) *outgoing {
	return &outgoing{s.path, messaging.Command{
		Kind: &mitterev1.Disconnect{Status: ErrStopped.Status(), Refused: h.calls.settled(s)},
	}}
}
