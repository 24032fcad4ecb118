package message

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Error is the type of every error of this package and of those above. It
// travels as mittere.v1.Status. errors.Is compares codes; an error that began
// as a closed socket is also net.ErrClosed, one that began as an ended context
// is also context.Canceled or context.DeadlineExceeded.
type Error struct {
	// Code says what kind of error it is; never OK.
	Code Code
	// Message is a sentence for people.
	Message string
	// Details are messages for programs that know them.
	Details []*anypb.Any

	cause   error
	remote  bool
	refused bool
}

// Errorf returns an error with a code. %w wraps a cause, which does not travel. Of
// an *Error of the same code among args only the message is written, so that the
// code is not said twice.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	message := err.Error()
	for _, arg := range args {
		if e, ok := arg.(*Error); ok && e != nil && e.code() == code {
			message = strings.Replace(message, e.Error(), e.Message, 1)
		}
	}
	return &Error{Code: code, Message: message, cause: causeOf(err)}
}

// causeOf returns what an error of fmt wraps; if that is several, the error.
func causeOf(err error) error {
	if _, several := err.(interface{ Unwrap() []error }); several {
		return err
	}
	return errors.Unwrap(err)
}

// Wrap returns an error with a code, a text of its own, and a cause that does not travel.
func Wrap(code Code, text string, cause error) *Error {
	return &Error{Code: code, Message: text, cause: cause}
}

// Refused reports whether err says that a request was not executed and never will
// be; see [Error.Refused].
func Refused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e != nil && e.refused
}

// WaitError returns the error of a wait that ended with ctx, not with what was waited for:
// [Cancelled] if it was cancelled, else [Unavailable]. why says what did not come. The
// error is refused, and the context's error too.
func WaitError(ctx context.Context, why error) *Error {
	code := Unavailable
	if errors.Is(ctx.Err(), context.Canceled) {
		code = Cancelled
	}
	return Errorf(code, "%w: %w", why, ctx.Err()).AsRefused()
}

// WithDetails returns a copy of the error with further details. One that cannot
// be marshalled is left out.
func (e *Error) WithDetails(details ...proto.Message) *Error {
	copied := *e
	copied.Details = append([]*anypb.Any(nil), e.Details...)
	for _, detail := range details {
		if packed, err := anypb.New(detail); err == nil {
			copied.Details = append(copied.Details, packed)
		}
	}
	return &copied
}

// DetailOf returns the first detail of type M that an error has, a pointer to a
// generated message; false if it has none, or err is no *Error.
func DetailOf[M proto.Message](err error) (detail M, found bool) {
	var e *Error
	if !errors.As(err, &e) || e == nil {
		return detail, false
	}
	for _, packed := range e.Details {
		m, err := packed.UnmarshalNew()
		if detail, found = m.(M); err == nil && found {
			return detail, true
		}
	}
	return detail, false
}

// Error returns the code and the message on one line.
func (e *Error) Error() string {
	name := CodeName(e.code())
	if e.Message == "" {
		return name
	}
	return name + ": " + e.Message
}

// Unwrap returns the cause, if it happened in this process.
func (e *Error) Unwrap() error { return e.cause }

// Remote reports whether a peer sent the error.
func (e *Error) Remote() bool { return e.remote }

// Refused reports whether the request was not executed and never will be, so that
// a retry is safe whatever the request does.
func (e *Error) Refused() bool { return e.refused }

// AsRefused returns a copy of the error for which Refused is true.
func (e *Error) AsRefused() *Error {
	copied := *e
	copied.refused = true
	return &copied
}

// Is reports whether target is an *Error of the same code. An error of a peer is
// also the context's error that has its code.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case *Error:
		return t.Code == e.Code
	default:
		return target == context.DeadlineExceeded && e.Code == DeadlineExceeded ||
			target == context.Canceled && e.Code == Cancelled
	}
}

// code returns the code. An error without one is of no known kind; as OK it would
// be a success.
func (e *Error) code() Code {
	if e.Code == OK {
		return Unknown
	}
	return e.Code
}

// Status returns the error as it travels.
func (e *Error) Status() *mitterev1.Status {
	return &mitterev1.Status{Code: e.code(), Message: strings.ToValidUTF8(e.Message, "\uFFFD"), Details: e.Details}
}

// FromStatus returns the error that a peer sent, or nil for a success.
func FromStatus(s *mitterev1.Status) error {
	if s.GetCode() == OK {
		return nil
	}
	return &Error{Code: s.GetCode(), Message: s.GetMessage(), Details: s.GetDetails(), remote: true}
}

// StatusName is the full name of the message that errors travel as.
const StatusName = "mittere.v1.Status"

// StatusOf returns any error as it travels; nil is a success.
func StatusOf(err error) *mitterev1.Status {
	if err == nil {
		return &mitterev1.Status{}
	}
	return AsError(err).Status()
}

// CodeOf returns the code of any error: OK for nil, the code of an *Error, that
// of an ended context, and Unknown for all others. A nil *Error that was returned
// as an error is a bug, and Internal.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	return AsError(err).code()
}

// AsError returns any error as an *Error: the one in its chain, or a new one
// around it with the code that CodeOf returns. It returns nil for nil.
func AsError(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e != nil:
		return e
	case err == error(e): // a nil *Error in an interface, which is no nil error
		return &Error{Code: Internal, Message: "a nil *messaging.Error was returned as an error"}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: DeadlineExceeded, Message: err.Error(), cause: err}
	case errors.Is(err, context.Canceled):
		return &Error{Code: Cancelled, Message: err.Error(), cause: err}
	case errors.Is(err, net.ErrClosed):
		return &Error{Code: Unavailable, Message: err.Error(), cause: err}
	default:
		return &Error{Code: Unknown, Message: err.Error(), cause: err}
	}
}
