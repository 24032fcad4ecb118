package messaging

import (
	"context"
	"errors"
	"strings"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging/message"
)

// FromComm is the seam where errors of comm become errors of messaging. The
// error of comm stays in the chain, and with it net.ErrClosed, a context's error
// and comm's reason.
func FromComm(err error) error {
	if err == nil {
		return nil // before anything that allocates
	}
	var e *comm.Error
	if !errors.As(err, &e) {
		return AsError(err)
	}
	// A constructor joins all that is wrong, one on a line. The code says already what
	// an invalid argument is.
	text := strings.ReplaceAll(err.Error(), ": "+comm.Invalid.Error(), "")
	return message.Wrap(codeOf(e), strings.ReplaceAll(text, "\n", "; "), err)
}

// codeOf maps a reason of comm to a code.
func codeOf(e *comm.Error) Code {
	switch e.Reason {
	case comm.Ended:
		return AsError(e.Cause).Code
	case comm.Closed, comm.Unreachable, comm.ConnectionRefused, comm.HostUnknown, comm.Unroutable:
		return Unavailable
	case comm.PermissionDenied:
		return PermissionDenied
	case comm.Full, comm.TooLarge:
		return ResourceExhausted
	case comm.Invalid:
		return InvalidArgument
	case comm.AddressInUse, comm.AddressUnavailable, comm.Foreign:
		return FailedPrecondition
	default:
		return Internal
	}
}

// ended returns the error of a call whose context ended before it reached comm.
func ended(ctx context.Context) error {
	err := ctx.Err()
	return message.Wrap(CodeOf(err), context.Cause(ctx).Error(), errors.Join(err, context.Cause(ctx)))
}

// IsFull reports whether a message was not sent because its peer has no room,
// so that it may be sent again after [Router.WaitRoom].
func IsFull(err error) bool { return errors.Is(err, comm.Full) }

// IsTooLarge reports whether a message was not sent because this end or its peer takes
// none so long.
func IsTooLarge(err error) bool {
	return errors.Is(err, comm.TooLarge) || errors.Is(err, command.ErrTooLarge)
}

// IsUnreachable reports whether a message was not sent because no peer has the
// routing id that it is for.
func IsUnreachable(err error) bool { return errors.Is(err, comm.Unreachable) }
