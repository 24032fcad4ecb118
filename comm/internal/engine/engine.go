package engine

import (
	"context"
	"net"
)

// Engine makes contexts. Any number of goroutines may use one at once.
type Engine interface {
	// Name tells engines apart: "native", "libzmq".
	Name() string
	// Version is that of the implementation, such as libzmq's "4.3.4".
	Version() string
	// Features says what the engine's sockets can do.
	Features() Features
	// NewContext returns a context without sockets.
	NewContext(ContextConfig) (Context, error)
}

// Features says what not every engine can do. The behaviour suite holds an engine to
// what it says; docs/engines.md is the table for users.
type Features struct {
	// InprocConnections: connections over inproc are counted in [Stats], and their ends
	// are told.
	InprocConnections bool
	// CountsPeers: [Socket.Subscribers] counts one peer once for each prefix, however
	// often it subscribes, and no more when it is gone.
	CountsPeers bool
	// ReplacesPeers: a second peer with a routing id that a ROUTER knows takes the place
	// of the first. Without it the second is ignored while it is connected.
	ReplacesPeers bool
	// KeepsForeignPaths: a bind over ipc fails where another process listens, or where a
	// file is that is no socket. Without it the bind takes the path away.
	KeepsForeignPaths bool
	// IPv6Names: a host's name is connected to also if it has addresses of IPv6 only.
	IPv6Names bool
}

// Context owns sockets, and the names of inproc, which hold within it. All methods may
// be called by any number of goroutines at once.
type Context interface {
	// NewSocket returns a socket at these endpoints. If one of them fails, there is no
	// socket, and no socket that dialed one of its inproc names was connected to it.
	NewSocket(Config, []Endpoint) (Socket, error)
	// Names returns how many inproc names are bound, and how many are only dialed: a
	// test sees by it that nothing is left behind.
	Names() (bound, dialed int)
	// Close ends the context. All of its sockets are closed; it waits until what they
	// left behind is sent, for their linger time at most. comm calls it once.
	Close() error
}

// Socket is one socket of an engine. All methods may be called by any number of
// goroutines at once. Errors are of type [*Error]; after Close they are [Closed].
type Socket interface {
	// Attach binds or connects to an endpoint. Binding is done when it returns; to
	// connect goes on behind it, and again whenever the connection ends. Over inproc a
	// name may be dialed before it is bound, and is not dialed again.
	Attach(Endpoint) error
	// Adopt listens on a listener, which is the socket's from then on. If it fails, the
	// listener is the caller's as before.
	Adopt(*net.TCPListener) error
	// Unbind ends a bind, given as Endpoints returns it, and the connections that were
	// accepted there, but for those over inproc. If there is none:
	// [AddressUnavailable].
	Unbind(endpoint string) error
	// Disconnect ends all connections to an endpoint, given as [Endpoint.String] writes
	// it, and what goes on to make them. If there are none: [AddressUnavailable].
	Disconnect(endpoint string) error
	// Endpoints returns what is bound, in order, with real ports and paths; after Close,
	// what was bound then.
	Endpoints() []string

	// Send sends one message. It copies the frames. [Pattern] says when it waits, and
	// which errors come at once. comm has checked the message: it has frames, none
	// longer than the maximum; for [Router] a frame after the routing id; for [XSub] it
	// is a subscription or the end of one (see [ReadSubscription]).
	Send(context.Context, Message) error
	// SendBatch sends messages in order and returns how many were sent: all, or as many
	// as stand in front of the one that the error is about. For the rest it is Send.
	SendBatch(context.Context, []Message) (sent int, err error)
	// Recv waits for one message. A [TooLarge] error says that one was dropped; the
	// socket works on.
	Recv(context.Context) (Message, error)
	// RecvBatch waits for a message, then takes as many as there are and fit; the batch
	// has room for one. The messages taken are valid also if there is an error, which is about
	// the message behind it.
	RecvBatch(context.Context, []Message) (taken int, err error)
	// WaitRoom waits until a peer that was full may have room; it may return early, and
	// does after some milliseconds where the engine cannot tell.
	WaitRoom(context.Context) error

	// Subscribe asks publishers for a prefix; a repetition does nothing. It is for [Sub].
	Subscribe(prefix []byte) error
	// Unsubscribe takes that back; a prefix that was not asked for does nothing.
	Unsubscribe(prefix []byte) error
	// Subscribers returns how many subscriptions a topic matches, when it is called or,
	// after Close, then. It is for [Pub].
	Subscribers(topic []byte) int
	// WaitSubscribers waits until Subscribers is at least n. It is for [Pub].
	WaitSubscribers(ctx context.Context, n int, topic []byte) error

	// WaitDisconnect waits until more connections have ended than seen, and returns how
	// many that are; with an error, the number it knows.
	WaitDisconnect(ctx context.Context, seen uint64) (uint64, error)
	// WaitFailure waits until a connection from this side cannot be made, and returns
	// why: [ConnectionRefused], [HostUnknown], [Unroutable], [PermissionDenied] or
	// [Foreign]. It returns at once if one failed before that no call was told of, and
	// was not made since.
	WaitFailure(context.Context) error

	// Stats returns the counters.
	Stats() Stats
	// Waiting returns how many calls wait to receive and to send: a test sees by it that
	// a call has begun to wait.
	Waiting() (receivers, senders int)
	// Close ends the socket. Calls that wait return [Closed]. Messages that were sent are
	// still delivered for the linger time. Closing again does nothing.
	Close() error
}
