package engine

import (
	"context"
	"net"
)

// Engine makes contexts. A value serves any number of them, of any number of
// goroutines.
type Engine interface {
	// Name tells engines apart: "native", "libzmq".
	Name() string
	// Version is that of the implementation, such as libzmq's "4.3.4".
	Version() string
	// Features says what the sockets of the engine can do.
	Features() Features
	// NewContext returns a context without sockets.
	NewContext(ContextConfig) (Context, error)
}

// Context owns sockets, and the names of inproc, which hold within it.
type Context interface {
	// NewSocket returns a socket that is neither bound nor connected.
	NewSocket(Config) (Socket, error)
	// Close ends the context when all of its sockets are closed and what they left
	// behind is sent, for their linger time at most.
	Close() error
}

// Features says what an engine can do that not all can. The behaviour suite holds
// an engine to what it says.
type Features struct {
	// Peers: a socket tells which peers come and go, and can cut one of them.
	Peers bool
	// PeerReceipt: a [Receiver] that takes not all of a batch holds up the peer that
	// sent it. Without it the whole socket stands still until Resume.
	PeerReceipt bool
	// InprocConnections: connections over inproc are counted and their ends are told.
	InprocConnections bool
	// ByteBounds: queues are bounded in bytes too.
	ByteBounds bool
}

// Socket is one socket of an engine. All methods may be called by any number of
// goroutines at once. Errors are of type [*Error].
type Socket interface {
	// Bind listens on an endpoint and returns it with what it left open filled in: the
	// port, the path.
	Bind(Endpoint) (bound string, err error)
	// Adopt listens on a listener, which is the socket's from then on, unless Adopt
	// fails.
	Adopt(*net.TCPListener) (bound string, err error)
	// Connect connects to an endpoint, and again when the connection ends. It does not
	// wait for a connection.
	Connect(Endpoint) error
	// Unbind ends what Bind began, and the connections that were accepted there but
	// for those over inproc. It takes the endpoint as Bind returned it.
	Unbind(endpoint string) error
	// Disconnect ends what Connect began.
	Disconnect(endpoint string) error

	// SendBatch sends messages in order and returns how many were sent: all, or as
	// many as stand in front of the one that the error is about. It copies the frames.
	// Who waits for what, and which errors come at once, [Pattern] says.
	SendBatch(ctx context.Context, batch []Message) (sent int, err error)
	// RecvBatch waits for a message, then takes as many as there are and fit. The
	// messages are valid also if there is an error, which is about the one behind them.
	RecvBatch(ctx context.Context, batch []Message) (taken int, err error)
	// WaitRoom waits until a peer that was full may have room.
	WaitRoom(ctx context.Context) error

	// Subscribe and Unsubscribe are for [Sub]. A prefix is subscribed to once, however
	// often Subscribe is called.
	Subscribe(prefix []byte) error
	Unsubscribe(prefix []byte) error
	// Subscribers is for [Pub]: how many subscriptions match a topic. changed is closed
	// when that may be another number.
	Subscribers(topic []byte) (n int, changed <-chan struct{}, err error)

	// WaitDisconnect waits until more connections have ended than seen, and returns
	// how many that are.
	WaitDisconnect(ctx context.Context, seen uint64) (uint64, error)
	// WaitFailure waits until a connection cannot be made, and returns why.
	WaitFailure(ctx context.Context) error

	Stats() Stats
	// Close ends the socket. Calls that wait return [Closed].
	Close() error
}
