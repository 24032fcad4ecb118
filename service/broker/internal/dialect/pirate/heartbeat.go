package pirate

import (
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// HEARTBEAT says, in both directions, that there is nothing else to say:
//
//	[02]                          RFC 6, and dīvidere's connection layer
//	[HEARTBEAT]                   the guide's pirates in C++, C#, Lua and PHP
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
	case w.desk.Registered(w.peer) && w.unanswered():
		delivery := w.delivery
		w.delivery = 0
		return w.desk.Spare(now, w.peer, delivery)
	case w.desk.Registered(w.peer):
		return w.desk.Heartbeat(now, w.peer)
	case w.barred:
		return nil
	default:
		return w.register(now)
	}
}

// unanswered reports, of a heartbeat that came, whether the worker has left its request
// unanswered: a server of dīvidere's has one thread, so that it is idle when it says a
// heartbeat. But some that it said before it got the request may be under way: the
// answers to heartbeats of the broker, and one that it said by itself.
func (w *worker) unanswered() bool {
	if w.kind != enveloped {
		return false
	}
	old := w.old > 0
	w.owed, w.old = max(w.owed-1, 0), max(w.old-1, 0)
	return w.delivery != 0 && !old
}

// writeHeartbeat returns a heartbeat, which the worker may answer with one.
func (w *worker) writeHeartbeat() [][]byte {
	w.owed++
	return w.kind.heartbeat(w.peer.ID)
}
