package call

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// StubsVersion1 says that this package serves the stubs of version 1 of
// protoc-gen-go-mittere. Generated code names it, so that stubs which do not fit
// do not compile.
const StubsVersion1 = true

// Caller makes calls. A [Conn] is one, and so is the client of a service. Stubs
// are written on it; all implementations may be called by any number of
// goroutines at once.
type Caller interface {
	// Call makes a call and gives each message of the answer to each, in order and
	// on the caller's goroutine: the one of a unary call, the items of a stream,
	// none of a one-way call. It returns when the call has ended: nil, an error of
	// the server, for which Remote is true, an error of this side, or what each
	// returned, which ends the call. The envelope is valid until each returns.
	//
	// With Several, each gets the messages of several workers; those of one worker are
	// in order, and From tells whose each is. An error is of the whole call then.
	//
	// An error for which [messaging.Refused] is true means that the request was
	// not executed and never will be.
	Call(ctx context.Context, r *Request, each func(*messaging.Envelope) error) error
}

// Invoker is the method of a Caller as a function.
type Invoker func(ctx context.Context, r *Request, each func(*messaging.Envelope) error) error

// Call is f.
func (f Invoker) Call(ctx context.Context, r *Request, each func(*messaging.Envelope) error) error {
	return f(ctx, r, each)
}

// Interceptor wraps an Invoker with what all calls need. It may change the
// request's metadata, the context and the error, see each message, and leave the
// call unmade. It is called by several goroutines at once.
type Interceptor func(next Invoker) Invoker

// Intercept returns a caller with interceptors around it, the first outermost.
func Intercept(c Caller, interceptors ...Interceptor) Caller {
	invoke := Invoker(c.Call)
	for i := len(interceptors) - 1; i >= 0; i-- {
		invoke = interceptors[i](invoke)
	}
	return invoke
}

// Request is a call to be made, its types erased. It belongs to the call until
// that returns.
type Request struct {
	// Method is what is called.
	Method Method
	// Message is the argument.
	Message proto.Message
	// Metadata travels with the request.
	Metadata map[string]string
	// OneWay asks for no answer: the call is over when the request is sent.
	OneWay bool
	// Wait bounds how long the request may wait before its handler begins; 0 is as
	// long as the call may take.
	Wait time.Duration
	// Window is how many items of a stream may be on their way; 0 is
	// [DefaultWindow].
	Window int
	// Target says which workers get the request; nil is any one of them. See [ToWorker].
	Target *Target
	// Several, if it is not nil, is told whose each part of the answer is. A request
	// whose target several workers may answer needs it, unless it is one-way.
	Several *Several
	// Accepted, if it is not nil, is told whom a request with Several went to; see
	// [WithAccepted].
	Accepted func(workers, unknown []string)
	// Progress, if it is not nil, gets the events of the call; see [WithProgress].
	Progress func(worker string, e *messaging.Envelope)
	// Key names the request on every try; the zero value is one that the Conn chooses.
	Key Key
	// Attempt counts the tries, from 1; 0 is the first.
	Attempt int
	// FailFast asks for an error, not a wait, where the request cannot be served; see
	// [WithFailFast].
	FailFast bool
	// Waiting, if it is not nil, is told why the call waits, or nil if it does not, and
	// the same again and again; see [WithWaiting].
	Waiting func(why error)
	// Elsewhere says that the caller has other connections: one whose session takes no
	// requests now gives an error at once. It is for implementations of [Caller].
	Elsewhere bool
	// Timing, if it is not nil, gets what the server says of the call's time.
	Timing *Timing

	each func(*messaging.Envelope) error // takes the messages in place of Unary and Stream
}

// SetMetadata adds to what travels with the request.
func (r *Request) SetMetadata(key, value string) {
	if r.Metadata == nil {
		r.Metadata = map[string]string{}
	}
	r.Metadata[key] = value
}

// DefaultWindow is how many items of a stream may be on their way to a caller.
const DefaultWindow = 64

// Timing tells where the time of a call went, by the server's clock.
type Timing struct {
	// Waited is how long the request waited for its handler.
	Waited time.Duration
	// Executed is how long the handler took.
	Executed time.Duration
	// Instance is the name of the instance that answered.
	Instance string
}

// Option sets how one call is made. The set is sealed.
type Option interface{ apply(*Request) }

// option is an Option made of a function.
type option func(*Request)

func (o option) apply(r *Request) { o(r) }

// WithMetadata adds to what travels with the request.
func WithMetadata(key, value string) Option {
	return option(func(r *Request) { r.SetMetadata(key, value) })
}

// WithWait bounds how long the request may wait in the server's queue; it is not
// executed after that, and the error's [messaging.Error.Details] have an
// mittere.v1.Overtime with the phase WAITING. The default is as long as the call
// may take. It is hololinked's invokation timeout.
func WithWait(d time.Duration) Option { return option(func(r *Request) { r.Wait = d }) }

// WithWindow sets how many items of a stream may be on their way, 65,536 at most; a
// server that is faster than its caller waits. The default is [DefaultWindow].
func WithWindow(items int) Option { return option(func(r *Request) { r.Window = items }) }

// WithTiming asks where the time of the call goes. t is written before the call
// returns; if several workers answer, by each answer.
func WithTiming(t *Timing) Option { return option(func(r *Request) { r.Timing = t }) }

// WithFailFast has the call fail with [messaging.Unavailable], refused, as soon as it is
// known that it cannot be served: no instance of the name is registered, none can be
// reached, or at a broker no worker of the service takes requests. By default a call
// waits for a worker. One whose workers are all busy waits with this option too,
// and so does one that is still connecting. A broker of an older version, whose Welcome
// lacks the feature "waiting", waits for a worker all the same.
func WithFailFast() Option { return option(func(r *Request) { r.FailFast = true }) }

// WithWaiting sets a function that is told why the call waits before it is begun, such
// as that a broker has no worker for it or that a connection is refused: when that is
// known, again when the reason changes, and with nil when the call waits no longer. It
// is called on the caller's goroutine. The error of a call whose time ran out names the
// reason without this, too.
func WithWaiting(f func(why error)) Option { return option(func(r *Request) { r.Waiting = once(f) }) }

// newRequest returns a request with options applied.
func newRequest(m Method, message proto.Message, options []Option) *Request {
	r := &Request{Method: m, Message: message}
	for _, o := range options {
		o.apply(r)
	}
	return r
}
