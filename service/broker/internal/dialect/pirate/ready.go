package pirate

import (
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// READY begins a conversation:
//
//	[01]      RFC 6, and dīvidere's connection layer
//	[READY]   the guide's pirates in C++, C#, Lua and PHP
//	["", 01]  Simple Pirate, as a REQ sends it; READY too
//
// (RFC 6, "Command Specifications".) dīvidere's messaging layer has its heartbeat
// instead. It has no response. A worker that is registered and says it again begins
// anew, and what it had goes as if it had died: it MUST say it when it lost sight of
// the broker (RFC 6, "Heartbeating Specification").

// readReady reads a READY.
func (w *worker) readReady(now time.Duration) []desk.Action {
	w.barred = false
	return w.register(now)
}

// register has the worker serve.
func (w *worker) register(now time.Duration) []desk.Action {
	w.delivery, w.owed = 0, 0
	return w.desk.Ready(now, w.peer, desk.Offer{
		Name:       dialect.WorkerName(w.peer.ID),
		Services:   []string{w.service},
		Capacity:   1,
		Idempotent: true, // "recover ... by resending requests" (RFC 6, "Goals")
		Heartbeat:  w.interval,
		Patience:   w.interval * time.Duration(w.liveness),
	})
}
