package native

import (
	"math"
	"time"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// The bounds that no option sets.
const (
	// maxQueued is the bytes that wait for one peer, or of one peer, beside the
	// high-water mark in messages. One message more than it may be longer.
	maxQueued = 64 << 20
	// maxReceived is the bytes that wait to be received on one socket, from all peers,
	// also from those that have gone. What each connection has read by then is beside it.
	maxReceived = 4 * maxQueued
	// maxCommands is the bytes of subscriptions that wait for one publisher.
	maxCommands = 16 << 20
	// maxConnections is how many connections one listener has at once.
	maxConnections = 1 << 16
	// maxPrefix is the bytes of one subscription.
	maxPrefix = 64 << 10
	// maxCommandHead is the bytes of a command in front of the prefix.
	maxCommandHead = 16
	// handshakeTime is how long a handshake may take, as in libzmq.
	handshakeTime = 30 * time.Second
	// dialTime is how long it may take to look up a name and to connect.
	dialTime = 10 * time.Second
	// skippedFrames is how many frames a message may have that is dropped because it has
	// too many. Beyond that the connection is closed.
	skippedFrames = 1 << 20
)

// bounds are those of connections. Tests lower them.
type bounds struct {
	handshake   time.Duration // that one may take
	connections int64         // of one listener
}

// mostSubscriptions is what one peer may ask for.
var mostSubscriptions = allowance{prefixes: 100_000, bytes: 16 << 20}

// limitsFor returns what a peer may send to a socket.
func limitsFor(maxFrame int) zmtp.Limits {
	return zmtp.Limits{
		Frame:   maxFrame,
		Message: max(2*min(maxFrame, math.MaxInt/2), 1<<20, maxFrame),
		Frames:  skippedFrames,
		Command: maxPrefix + maxCommandHead,
	}
}
