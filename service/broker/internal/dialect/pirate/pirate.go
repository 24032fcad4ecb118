package pirate

import (
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// The defaults of heartbeats, as in the guide's Paranoid Pirate queue and worker.
const (
	// DefaultHeartbeat is how often the broker and a worker say something.
	DefaultHeartbeat = time.Second
	// DefaultLiveness is after how many intervals without a word a worker is dead.
	// RFC 6, "Heartbeating Specification", has three to five.
	DefaultLiveness = 3
)

// These keep the product of both from overflowing.
const (
	longestHeartbeat = 24 * time.Hour
	mostLiveness     = 1000
)

// Front returns the dialect of the front socket: every peer there is a client of
// the service, be it a Lazy Pirate's REQ, a DEALER with or without an empty frame in
// front, or one of dīvidere's LoadBalancingPattern.Client. The name of the service has
// 1 to 255 bytes and is not reserved; the desk answers requests for others with an
// error.
//
// A dialect may be used concurrently; its speakers belong to the loop of their desk.
func Front(service string) dialect.Dialect { return &front{service: service} }

// Back returns the dialect of the back socket: every peer there is a worker of the
// service. Broker and worker say something at least every heartbeat, and a worker is
// dead after so many heartbeats (liveness) without a word, whether it is busy or not.
// What is not above 0 is [DefaultHeartbeat] or [DefaultLiveness]; the desk has the last
// word: at least its shortest interval, and at least two of them. Workers must have
// about the same interval, for it is not on the wire.
//
// A dialect may be used concurrently; its speakers belong to the loop of their desk.
// Each is a [dialect.Keeper], whose Tick keeps workers that cannot send heartbeats.
func Back(service string, heartbeat time.Duration, liveness int) dialect.Dialect {
	b := &back{service: service, interval: DefaultHeartbeat, liveness: DefaultLiveness}
	if heartbeat > 0 {
		b.interval = min(heartbeat, longestHeartbeat)
	}
	if liveness > 0 {
		b.liveness = min(liveness, mostLiveness)
	}
	return b
}

// front is the dialect of clients.
type front struct{ service string }

// Name returns "pirate client".
func (*front) Name() string { return "pirate client" }

// Speaks reports whether a message is a request.
func (*front) Speaks(frames [][]byte) bool {
	_, body := unwrap(frames)
	return len(body) > 0
}

// Kind returns "message": requests and replies look alike.
func (*front) Kind([][]byte) string { return "message" }

// Open returns the speaker of a new client.
func (f *front) Open(d *desk.Desk, peer desk.Peer) dialect.Speaker {
	return &client{front: f, desk: d, peer: peer}
}

// back is the dialect of workers.
type back struct {
	service  string
	interval time.Duration // of heartbeats
	liveness int           // of workers, in intervals
}

// Name returns "pirate worker".
func (*back) Name() string { return "pirate worker" }

// Speaks reports whether a message may be the first one of a worker: a READY (RFC 6,
// "Overall Conversation": MUST), a heartbeat of one that was known before the broker
// began, or a reply of such a Simple Pirate, which has no heartbeat.
func (*back) Speaks(frames [][]byte) bool {
	m := parse(frames)
	switch m.command {
	case ready, heartbeat:
		return true
	case reply:
		return m.kind == simple && len(m.rest[1]) == 0
	default:
		return false
	}
}

// Kind returns the command; "message" is a request or a reply, which look alike.
func (*back) Kind(frames [][]byte) string {
	switch parse(frames).command {
	case ready:
		return "READY"
	case heartbeat:
		return "HEARTBEAT"
	case reply:
		return "message"
	default:
		return "unknown"
	}
}

// Open returns the speaker of a new worker.
func (b *back) Open(d *desk.Desk, peer desk.Peer) dialect.Speaker {
	return &worker{back: b, desk: d, peer: peer}
}
