package engine

import (
	"context"
	"fmt"
	"net"
)

// Reason says what kind of error happened. It is itself an error, so that
// errors.Is(err, comm.Full) asks for it.
type Reason uint8

const (
	// Internal is an error that an engine did not expect of the layer below it or the system.
	Internal Reason = iota
	// Closed means that the socket or its context is closed. Such an error is
	// also net.ErrClosed.
	Closed
	// Ended means that the call's context ended; nothing was sent or received.
	// Such an error is also context.Canceled or context.DeadlineExceeded.
	Ended
	// Full means that a peer's queue is at its high-water mark; the message was
	// not sent and may be sent again.
	Full
	// Unreachable means that no peer has the routing id a message is for; the
	// message was not sent.
	Unreachable
	// TooLarge means that a frame is longer than the maximum, or a message has
	// too many frames. It was not sent or, if received, is dropped.
	TooLarge
	// Invalid means that an argument is wrong: an endpoint, an option, a message
	// without frames.
	Invalid
	// AddressInUse means that another socket is bound to the endpoint.
	AddressInUse
	// AddressUnavailable means that the endpoint is no address of this host or,
	// to unbind or disconnect, is not in use.
	AddressUnavailable
	// PermissionDenied means that this user may not bind the endpoint, or connect to it:
	// a port below 1024, a directory or file of somebody else, a read-only file system.
	PermissionDenied
	// ConnectionRefused means that nobody listens at an endpoint.
	ConnectionRefused
	// HostUnknown means that the name of a host cannot be looked up.
	HostUnknown
	// Unroutable means that nothing comes back from where an endpoint is, or that there
	// is no way there.
	Unroutable
	// Foreign means that the peer at an endpoint speaks no ZeroMQ, or is a socket of a
	// kind that this one does not talk to.
	Foreign
)

// reasons are the texts of the reasons.
var reasons = [...]string{
	Internal:           "internal error",
	Closed:             "closed",
	Ended:              "context ended",
	Full:               "peer's queue is full",
	Unreachable:        "no such peer",
	TooLarge:           "message too large",
	Invalid:            "invalid argument",
	AddressInUse:       "address already in use",
	AddressUnavailable: "address not available",
	PermissionDenied:   "permission denied",
	ConnectionRefused:  "connection refused",
	HostUnknown:        "no such host",
	Unroutable:         "no way there",
	Foreign:            "what listens there is no ZeroMQ socket, or none of a kind that this one talks to",
}

// Error returns the reason in words.
func (r Reason) Error() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return reasons[Internal]
}

// Error is the type of every error that an engine, and comm, returns.
type Error struct {
	// Op is what was tried: "send", "receive", "bind", ...
	Op string
	// Reason is what kind of error it is.
	Reason Reason
	// Detail says which endpoint, option or size; it may be empty.
	Detail string
	// Cause is the error below, of libzmq, the system or a context; it may be
	// nil.
	Cause error
}

// Error returns one line: the operation, the detail, the reason and its cause.
func (e *Error) Error() string {
	text := "comm: " + e.Op
	if e.Detail != "" {
		text += " " + e.Detail
	}
	text += ": " + e.Reason.Error()
	if e.Cause != nil && e.Cause.Error() != e.Reason.Error() {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is the error's reason, or net.ErrClosed for what is
// closed.
func (e *Error) Is(target error) bool {
	if reason, ok := target.(Reason); ok {
		return reason == e.Reason
	}
	return target == net.ErrClosed && e.Reason == Closed
}

// InvalidArgument returns an error about an argument.
func InvalidArgument(op, detail string) *Error {
	return &Error{Op: op, Reason: Invalid, Detail: detail}
}

// ContextEnded returns the error of a call whose context ended.
func ContextEnded(ctx context.Context, op string) *Error {
	err := ctx.Err()
	if cause := context.Cause(ctx); cause != err {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return &Error{Op: op, Reason: Ended, Cause: err}
}

// FrameTooLarge returns the error of a frame that is longer than the maximum, in bytes.
func FrameTooLarge(op string, size, maximum int) *Error {
	return &Error{Op: op, Reason: TooLarge, Detail: fmt.Sprintf("a frame of %d bytes, maximum %d", size, maximum)}
}

// TooManyFrames returns the error of a message that has more frames than the maximum.
func TooManyFrames(op string, maximum int) *Error {
	return &Error{Op: op, Reason: TooLarge, Detail: fmt.Sprintf("a message of more than %d frames", maximum)}
}
