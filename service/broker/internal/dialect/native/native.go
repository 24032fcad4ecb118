package native

import (
	"math"
	"time"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// The defaults, which are those of a server of package reactor.
const (
	// DefaultName is the broker's name where none is given.
	DefaultName = "broker"
	// DefaultHeartbeat is the shortest interval of heartbeats that is agreed upon.
	DefaultHeartbeat = time.Second
)

// native is the dialect. It does not change after it was made.
type native struct {
	name       string
	shortest   time.Duration // of the heartbeats that may be agreed
	frameBytes uint64
	calls      uint32
	own        string // the instance of the broker's own worker; empty if it has none
}

// New returns the dialect. It is pure but for the ids of sessions, which are random.
//
// A dialect may be used concurrently; its speakers belong to the loop of their desk.
func New(options ...Option) dialect.Dialect {
	n := &native{name: DefaultName, shortest: DefaultHeartbeat}
	for _, o := range options {
		o.apply(n)
	}
	return n
}

// Option changes the dialect. The set is sealed.
type Option interface{ apply(*native) }

type option func(*native)

func (o option) apply(n *native) { o(n) }

// WithName sets the name that the broker tells its peers, as the one that has the session and
// as who answers where no worker did; [DefaultName].
func WithName(name string) Option {
	return option(func(n *native) { n.name = name })
}

// WithHeartbeat sets the shortest interval of heartbeats that is agreed upon;
// [DefaultHeartbeat], which is also taken for what is not above 0, and 30 s at most. A
// peer gets what it asks for if that is between this and 30 s. One of whom nothing came
// for three intervals is gone.
func WithHeartbeat(shortest time.Duration) Option {
	return option(func(n *native) {
		n.shortest = DefaultHeartbeat
		if shortest > 0 {
			n.shortest = min(shortest, command.LongestHeartbeat)
		}
	})
}

// WithLimits sets what peers are told that the broker takes: the bytes of a frame, and
// the calls that may run or wait at once, of all sessions together. The default for
// either is 0, which tells nothing; so does what is below 0. The dialect itself
// enforces neither.
func WithLimits(frameBytes, calls int) Option {
	return option(func(n *native) {
		n.frameBytes, n.calls = uint64(max(frameBytes, 0)), uint32(min(max(calls, 0), math.MaxUint32))
	})
}

// WithOwn sets the instance by which the broker knows the worker of its own, which may
// offer reserved services. It is a secret of the process, of 1 to 64 bytes; by default
// there is no such worker.
func WithOwn(instance []byte) Option {
	return option(func(n *native) { n.own = string(instance) })
}

// Name returns "mittere/1", with the version of Command.
func (*native) Name() string { return "mittere/1" }

// Speaks reports whether a message begins as a command does, of any version, behind an
// empty frame or not. What follows may be wrong.
func (*native) Speaks(frames [][]byte) bool {
	_, rest := split(frames)
	return len(rest) > 0 && command.Is(rest[0])
}

// Kind returns the name of a command, such as "Request".
func (*native) Kind(frames [][]byte) string {
	_, rest := split(frames)
	c, err := command.Decode(rest)
	if err != nil || c.Kind == nil {
		return "unknown"
	}
	return string(c.Kind.ProtoReflect().Descriptor().Name())
}

// split takes away an empty frame in front of a command.
func split(frames [][]byte) (delimited bool, rest [][]byte) {
	if len(frames) > 0 && len(frames[0]) == 0 {
		return true, frames[1:]
	}
	return false, frames
}

// Open returns the speaker of a new peer, client or worker, which is a
// [dialect.Keeper].
func (n *native) Open(d *desk.Desk, peer desk.Peer) dialect.Speaker {
	return &speaker{native: n, desk: d, peer: peer}
}
