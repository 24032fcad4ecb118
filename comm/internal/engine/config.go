package engine

import (
	"log/slog"
	"net"
	"os"
	"time"
)

// Pattern is what a socket does, as ZeroMQ's socket types (RFC 28 to 31) do.
type Pattern uint8

// The patterns. Those that say nothing else wait to send while there is no peer or
// all are full.
const (
	// Pub sends to all who subscribed; what it does when one is full [Overflow] says.
	// Its user receives nothing: subscriptions are its own.
	Pub Pattern = iota + 1
	// Sub receives what it subscribed to.
	Sub
	// XPub is a Pub whose user receives the subscriptions, as messages of one frame: 1
	// or 0, and the prefix. Duplicates are told too.
	XPub
	// XSub is a Sub whose user sends the subscriptions in that form. Repetitions of one
	// prefix stay here.
	XSub
	// Dealer sends to its peers in turn and receives from all in turn.
	Dealer
	// Router sends to the peer that the first frame names and never waits: [Full] and
	// [Unreachable] come at once. It receives with that frame in front.
	Router
	// Push sends to its peers in turn.
	Push
	// Pull receives from its peers in turn.
	Pull
	// Pair has one peer.
	Pair
)

// Transport is how bytes, or messages, reach a peer.
type Transport string

// The transports.
const (
	TCP    Transport = "tcp"
	IPC    Transport = "ipc"
	Inproc Transport = "inproc"
)

// Endpoint is where a socket binds or connects. comm has checked it.
type Endpoint struct {
	Transport Transport
	Address   string // host:port, a path, or a name; port "*" and path "*" to bind are free ones
}

// String returns the endpoint as users write it.
func (e Endpoint) String() string { return string(e.Transport) + "://" + e.Address }

// Overflow says what a publisher does when a subscriber is full.
type Overflow uint8

const (
	Lossy Overflow = iota // the message is dropped for that subscriber
	Block                 // Send waits until there is room at all who subscribed to it
	Fail                  // Send returns [Full], and nobody gets the message
)

// ContextConfig is what a context is made with.
type ContextConfig struct {
	Log        *slog.Logger
	Resolver   *net.Resolver // of the names of hosts that sockets connect to
	MaxSockets int
	IOThreads  int  // of libzmq; others have none
	Poison     bool // received frames are overwritten when they are released
}

// Config is what a socket is made with. comm has checked it, and filled in the
// defaults.
type Config struct {
	Pattern       Pattern
	Kind          string // what comm calls the socket, for errors and logs
	RoutingID     string
	HighWaterMark int // messages for each peer and direction
	MaxFrameSize  int // bytes of one frame
	MaxFrames     int // frames of one message
	Linger        time.Duration
	Immediate     bool // send to peers only that are connected
	Overflow      Overflow
	IPCMode       os.FileMode

	KeepAliveInterval time.Duration // 0: no keep-alive
	KeepAliveTimeout  time.Duration
}
