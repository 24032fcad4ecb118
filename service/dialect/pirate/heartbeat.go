package pirate

import (
	"time"

	"github.com/mittere/mittere/service/desk"
)

// HEARTBEAT says, in both directions, that there is nothing else to say:
//
//	[02]                          RFC 6, and dīvidere's connection layer
//	[envelope of Heartbeat{id}]   dīvidere's messaging layer
//
// (RFC 6, "Heartbeating Specification".) dīvidere's workers answer each of the
// broker's; those of its messaging layer say it by themselves, too, when the broker has
// been silent for 4.5 s. Whatever else a worker sends is a heartbeat as well.

// readHeartbeat reads a HEARTBEAT. A worker that is not registered is from then on, as
// with the guide's queue: the broker may have begun anew meanwhile, or have thought it
// dead, of which it would not hear.
func (w *worker) readHeartbeat(now time.Duration) []desk.Action {
	switch {
	case w.desk.Registered(w.peer):
		return w.desk.Heartbeat(now, w.peer)
	case w.barred:
		return nil
	default:
		return w.register(now)
	}
}
