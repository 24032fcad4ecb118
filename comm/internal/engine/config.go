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
	// Its user receives nothing: it counts the subscriptions itself.
	Pub Pattern = iota + 1
	// Sub receives what it subscribed to.
	Sub
	// XPub is a Pub whose user receives the subscriptions and their ends, duplicates
	// too, as messages of one frame: see [ReadSubscription].
	XPub
	// XSub is a Sub whose user sends the subscriptions in that form. Of those to one
	// prefix only the first goes to the publishers, and only the last end.
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

// Transport is how messages reach a peer.
type Transport string

// The transports.
const (
	TCP    Transport = "tcp"    // connections of TCP
	IPC    Transport = "ipc"    // stream sockets of Unix
	Inproc Transport = "inproc" // queues within one context
)

// Endpoint is where a socket binds or connects. comm has checked it.
type Endpoint struct {
	Transport Transport // how peers reach it
	Address   string    // host:port, a path or a name; to bind, the port "*" or 0 and the path "*" are free ones
	Binds     bool      // what the socket does there
}

// String returns the endpoint as users write it, without what the socket does there.
func (e Endpoint) String() string { return string(e.Transport) + "://" + e.Address }

// Overflow says what a publisher does when a subscriber's queue is full.
type Overflow uint8

const (
	// Lossy drops the message for that subscriber, without a word here. The
	// subscriber of messaging sees a gap.
	Lossy Overflow = iota
	// Block waits until there is room at all subscribers of the message.
	Block
	// Fail returns a [Full] error and sends the message to nobody.
	Fail
)

// ContextConfig is what a context is made with. comm has checked it and filled in the
// defaults.
type ContextConfig struct {
	Log        *slog.Logger  // for what no caller can be told
	Resolver   *net.Resolver // of the names of hosts that sockets connect to
	MaxSockets int           // that may be open at once, as the engine counts them
	IOThreads  int           // of libzmq; other engines have none
	Poison     bool          // received frames are overwritten when they are released: see [Poison]
}

// Config is what a socket is made with. comm has checked it and filled in the defaults.
type Config struct {
	Pattern       Pattern       // what the socket does
	Kind          string        // what comm calls the socket, such as "rep", for errors and logs
	RoutingID     string        // by which a ROUTER knows the socket; empty: the ROUTER makes one up
	HighWaterMark int           // messages in the queue of each peer and direction
	MaxFrameSize  int           // bytes of one frame
	MaxFrames     int           // frames of one received message
	Linger        time.Duration // how long what a closed socket left is still sent
	Immediate     bool          // queue messages only for peers that are connected
	Overflow      Overflow      // of Pub and XPub
	IPCMode       os.FileMode   // of the files of ipc endpoints that are bound

	KeepAliveInterval time.Duration // of TCP; 0: no keep-alive
	KeepAliveTimeout  time.Duration // of silence, after which the connection is closed
}
