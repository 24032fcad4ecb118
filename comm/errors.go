package comm

import (
	"context"

	"github.com/mittere/mittere/comm/internal/engine"
)

// Reason says what kind of error happened. It is itself an error, so that
// errors.Is(err, comm.Full) asks for it.
type Reason = engine.Reason

// The reasons.
const (
	// Internal is an error that comm did not expect of the engine or the system.
	Internal = engine.Internal
	// Closed means that the socket or its context is closed. Such an error is
	// also net.ErrClosed.
	Closed = engine.Closed
	// Ended means that the call's context ended; nothing was sent or received.
	// Such an error is also context.Canceled or context.DeadlineExceeded.
	Ended = engine.Ended
	// Full means that a peer's queue is at its high-water mark; the message was
	// not sent and may be sent again.
	Full = engine.Full
	// Unreachable means that no peer has the routing id a message is for; the
	// message was not sent.
	Unreachable = engine.Unreachable
	// TooLarge means that a frame is longer than the maximum, or a message has
	// too many frames. It was not sent or, if received, is dropped.
	TooLarge = engine.TooLarge
	// Invalid means that an argument is wrong: an endpoint, an option, a message
	// without frames.
	Invalid = engine.Invalid
	// AddressInUse means that another socket is bound to the endpoint.
	AddressInUse = engine.AddressInUse
	// AddressUnavailable means that the endpoint is no address of this host or,
	// to unbind or disconnect, is not in use.
	AddressUnavailable = engine.AddressUnavailable
	// PermissionDenied means that this user may not bind the endpoint, or connect to it:
	// a port below 1024, a directory or file of somebody else, a read-only file system.
	PermissionDenied = engine.PermissionDenied
	// ConnectionRefused means that nobody listens at an endpoint.
	ConnectionRefused = engine.ConnectionRefused
	// HostUnknown means that the name of a host cannot be looked up.
	HostUnknown = engine.HostUnknown
	// Unroutable means that nothing comes back from where an endpoint is, or that there
	// is no way there.
	Unroutable = engine.Unroutable
	// Foreign means that the peer at an endpoint speaks no ZeroMQ, or is a socket of a
	// kind that this one does not talk to.
	Foreign = engine.Foreign
)

// Error is the type of every error that comm returns: what was tried (Op), the
// [Reason], a Detail, such as the endpoint, and the Cause below, of the engine, the
// system or a context.
type Error = engine.Error

// invalid returns an error about an argument.
func invalid(op, detail string) *Error { return engine.InvalidArgument(op, detail) }

// ended returns the error of a call whose context ended.
func ended(ctx context.Context, op string) *Error { return engine.ContextEnded(ctx, op) }
