package messaging

import (
	"context"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging/message"
)

// What users of sockets name often, under the names that read well beside them. The
// package message has their docs, and all else about messages as bytes.

type (
	// Envelope is one message with what a receiver must know before it reads it; see
	// [message.Envelope].
	Envelope = message.Envelope
	// Meta tells where a message comes from; see [message.Meta].
	Meta = message.Meta
	// PublisherID names a publisher; see [message.PublisherID].
	PublisherID = message.PublisherID
	// Route is the frames in front of an envelope; see [message.Route].
	Route = message.Route
	// Topic is what a subscription selects; see [message.Topic].
	Topic = message.Topic
	// Resolver finds message types by name; see [message.Resolver].
	Resolver = message.Resolver
	// SendOption sets a part of the envelope of one message; see [message.Option].
	SendOption = message.Option
	// TraceContext is the headers of W3C trace context; see [message.TraceContext].
	TraceContext = message.TraceContext
	// Error is the type of every error of this package and of those above it; see
	// [message.Error].
	Error = message.Error
	// Code says what kind of error happened; see [message.Code].
	Code = message.Code
	// Command is one step of a call or of its session, as a [Server] receives it. Its
	// wire form is mittere.v1.Command.
	Command = command.Command
)

// The codes; see [message.Code].
const (
	OK                 = message.OK                 // no error
	Cancelled          = message.Cancelled          // the caller ended the call
	Unknown            = message.Unknown            // fits no other code
	InvalidArgument    = message.InvalidArgument    // the request is wrong in itself
	DeadlineExceeded   = message.DeadlineExceeded   // time ran out
	NotFound           = message.NotFound           // what was named does not exist
	AlreadyExists      = message.AlreadyExists      // what should be made exists
	PermissionDenied   = message.PermissionDenied   // the caller may not do this
	ResourceExhausted  = message.ResourceExhausted  // a limit is reached
	FailedPrecondition = message.FailedPrecondition // the system is not in the state for this
	Aborted            = message.Aborted            // another request was faster
	OutOfRange         = message.OutOfRange         // beyond the valid range
	Unimplemented      = message.Unimplemented      // there is no handler for this
	Internal           = message.Internal           // something is broken on the other side
	Unavailable        = message.Unavailable        // the peer cannot be reached
	DataLoss           = message.DataLoss           // data is lost or damaged for good
	Unauthenticated    = message.Unauthenticated    // the caller is not known
)

// Errorf returns an error with a code; see [message.Errorf].
func Errorf(code Code, format string, args ...any) *Error {
	return message.Errorf(code, format, args...)
}

// CodeOf returns the code of any error; see [message.CodeOf].
func CodeOf(err error) Code { return message.CodeOf(err) }

// CodeName returns the name of a code, such as NOT_FOUND; see [message.CodeName].
func CodeName(code Code) string { return message.CodeName(code) }

// AsError returns any error as an *Error; see [message.AsError].
func AsError(err error) *Error { return message.AsError(err) }

// FromStatus returns the error that a peer sent; see [message.FromStatus].
func FromStatus(s *mitterev1.Status) error { return message.FromStatus(s) }

// Refused reports whether err says that a request was not executed and never will
// be; see [message.Refused].
func Refused(err error) bool { return message.Refused(err) }

// DetailOf returns the first detail of type M that an error has; see
// [message.DetailOf].
func DetailOf[M proto.Message](err error) (detail M, found bool) { return message.DetailOf[M](err) }

// WaitError returns the error of a wait that ended with ctx; see [message.WaitError].
func WaitError(ctx context.Context, why error) *Error { return message.WaitError(ctx, why) }

// Pack returns an envelope around a message; see [message.Pack].
func Pack(m proto.Message, options ...SendOption) (Envelope, error) {
	return message.Pack(m, options...)
}

// Open returns an envelope's message as a T; see [message.Open].
func Open[T proto.Message](e *Envelope) (T, error) { return message.Open[T](e) }

// Decode reads a frame; see [message.Decode].
func Decode(frame []byte) (Envelope, error) { return message.Decode(frame) }

// Delimiter returns the route that makes a [Dealer] look like a REQ; see
// [message.Delimiter].
func Delimiter() Route { return message.Delimiter() }

// Everything selects all messages; see [message.Everything].
func Everything() Topic { return message.Everything() }

// OfType selects messages of the type of m; see [message.OfType].
func OfType(m proto.Message) Topic { return message.OfType(m) }

// OfSubject selects messages of the type of m with exactly this subject; see
// [message.OfSubject].
func OfSubject(m proto.Message, segments ...string) Topic {
	return message.OfSubject(m, segments...)
}

// OfSubtree selects messages of the type of m whose subject begins with these
// segments; see [message.OfSubtree].
func OfSubtree(m proto.Message, segments ...string) Topic {
	return message.OfSubtree(m, segments...)
}

// Subject sets the key by which subscribers can select; see [message.Subject].
func Subject(segments ...string) SendOption { return message.Subject(segments...) }

// Metadata attaches texts under keys; see [message.Metadata].
func Metadata(metadata map[string]string) SendOption { return message.Metadata(metadata) }

// Trace sets the headers of W3C trace context; see [message.Trace].
func Trace(parent, state string) SendOption { return message.Trace(parent, state) }

// WithTraceContext returns a context that carries t; see [message.WithTraceContext].
func WithTraceContext(ctx context.Context, t TraceContext) context.Context {
	return message.WithTraceContext(ctx, t)
}

// TraceContextFrom returns what ctx carries; see [message.TraceContextFrom].
func TraceContextFrom(ctx context.Context) TraceContext { return message.TraceContextFrom(ctx) }
