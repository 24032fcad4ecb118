package mdp

import (
	"time"

	wire "github.com/mittere/mittere/internal/mdp"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// The defaults of heartbeats, as in the guide's broker. RFC 7 and RFC 18,
// "Heartbeating", have a worker dead after three to five intervals.
const (
	// DefaultHeartbeat is how often the broker and a worker say something.
	DefaultHeartbeat = 2500 * time.Millisecond
	// DefaultLiveness is after how many intervals without a word a worker is dead.
	DefaultLiveness = 3
)

// V1 returns MDP/0.1, of RFC 7. Its clients may be REQ or DEALER sockets.
//
// A dialect may be used concurrently; its speakers belong to the loop of their desk.
func V1(options ...Option) dialect.Dialect { return newVersion(wire.V1, options) }

// V2 returns MDP/0.2, of RFC 18, where a request may have several replies. Its
// clients are DEALER sockets.
//
// A dialect may be used concurrently; its speakers belong to the loop of their desk.
func V2(options ...Option) dialect.Dialect { return newVersion(wire.V2, options) }

// version is a dialect. It does not change after it was made.
type version struct {
	wire.Version
	interval time.Duration // of heartbeats
	liveness int           // of workers, in intervals
}

// Option changes a dialect.
type Option interface{ apply(*version) }

type option func(*version)

func (o option) apply(v *version) { o(v) }

// WithHeartbeat sets how often the broker and a worker say something, and after how
// many intervals without a word a worker is dead; [DefaultHeartbeat] and
// [DefaultLiveness], which are also taken for what is not above 0. Workers must have
// about the same interval, for it is not on the wire (RFC 7, "Known Weaknesses"). The
// desk has the last word: at least its shortest interval, and at least two of them.
func WithHeartbeat(interval time.Duration, liveness int) Option {
	return option(func(v *version) {
		v.interval, v.liveness = DefaultHeartbeat, DefaultLiveness
		if interval > 0 {
			v.interval = min(interval, longestHeartbeat)
		}
		if liveness > 0 {
			v.liveness = min(liveness, mostLiveness)
		}
	})
}

// These keep the product of both from overflowing.
const (
	longestHeartbeat = 24 * time.Hour
	mostLiveness     = 1000
)

func newVersion(of wire.Version, options []Option) *version {
	v := &version{Version: of}
	WithHeartbeat(0, 0).apply(v)
	for _, o := range options {
		o.apply(v)
	}
	return v
}

// Name returns "MDP/0.1" or "MDP/0.2".
func (v *version) Name() string { return v.String() }

// Speaks reports whether a message has the header of this version: of MDP/0.1 only
// behind an empty frame, of MDP/0.2 there or as the first one. What follows may be wrong.
func (v *version) Speaks(frames [][]byte) bool {
	s, _ := v.Spelling(frames)
	return s != nil
}

// Kind returns the command as the RFC names it. Of MDP/0.1 clients have none.
func (v *version) Kind(frames [][]byte) string { return v.Describe(frames) }

// Open returns the speaker of a new peer, client or worker.
func (v *version) Open(d *desk.Desk, peer desk.Peer) dialect.Speaker {
	return &speaker{version: v, spelling: v.Spellings()[0], desk: d, peer: peer}
}
