package reactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/serving"
)

// Handlers maps message types and methods to handlers; its zero value is an empty
// map. Fill
// it before it is given to a reactor: it is not safe for concurrent use until
// then, and what is entered after that has no effect.
type Handlers struct {
	byType   map[string]*handler
	byMethod map[string]*handler
	wrong    []error
}

// Shape says what kind of function a handler is.
type Shape uint8

const (
	// Unary answers each request once.
	Unary = Shape(serving.Unary)
	// Observer takes messages without answering.
	Observer = Shape(serving.Observer)
	// Streaming answers each request with any number of messages.
	Streaming = Shape(serving.Streaming)
)

// handler is a handler whose types are erased.
type handler struct {
	shape   Shape
	method  protoreflect.MethodDescriptor // nil if it is for a type
	control bool                          // runs on the control plane
	open    func(*messaging.Envelope) (proto.Message, error)
	invoke  Invoker
}

// NewHandlers returns a map without handlers.
func NewHandlers() *Handlers {
	return &Handlers{byType: map[string]*handler{}, byMethod: map[string]*handler{}}
}

// Handle enters a function that answers requests of type Req. Req and Resp are
// pointers to generated messages. On a socket that cannot reply, a Subscriber or
// a Pull, the answer is dropped. A second handler for the same type is an error
// that [New] returns.
func Handle[Req, Resp proto.Message](h *Handlers, f func(context.Context, Req) (Resp, error)) {
	enter[Req](h, newHandler[Req](Unary, unary(f)), f != nil)
}

// unary returns an invoker of a function that answers.
func unary[Req, Resp proto.Message](f func(context.Context, Req) (Resp, error)) Invoker {
	return func(ctx context.Context, c *Call) (proto.Message, error) {
		reply, err := f(ctx, c.Request.(Req))
		if err != nil {
			return nil, err
		}
		return reply, nil
	}
}

// Observe enters a function that takes messages of type Msg. A sender that waits
// for an answer gets an empty mittere.v1.Status, or the error.
func Observe[Msg proto.Message](h *Handlers, f func(context.Context, Msg) error) {
	enter[Msg](h, newHandler[Msg](Observer, func(ctx context.Context, c *Call) (proto.Message, error) {
		return nil, f(ctx, c.Request.(Msg))
	}), f != nil)
}

// Stream enters a function that answers requests of type Req with any number of
// messages of type Item, to a receiver that can take them: a [messaging.Req]
// cannot. Each goes out as send is called, and the message is the handler's again
// after it. While the receiver has no room, send waits, and with it all messages
// that are behind this one; an error means that the receiver is gone or that ctx
// ended. A mittere.v1.Status ends the stream.
func Stream[Req, Item proto.Message](h *Handlers, f func(ctx context.Context, req Req, send func(Item) error) error) {
	enter[Req](h, newHandler[Req](Streaming, streaming(f)), f != nil)
}

// streaming returns an invoker of a function that sends.
func streaming[Req, Item proto.Message](f func(ctx context.Context, req Req, send func(Item) error) error) Invoker {
	return func(ctx context.Context, c *Call) (proto.Message, error) {
		return nil, f(ctx, c.Request.(Req), func(item Item) error { return c.request.Send(ctx, item) })
	}
}

// newHandler returns a handler of messages of type M.
func newHandler[M proto.Message](shape Shape, invoke Invoker) *handler {
	open := func(e *messaging.Envelope) (proto.Message, error) { return messaging.Open[M](e) }
	return &handler{shape: shape, open: open, invoke: invoke}
}

// enter enters a handler for messages of type M.
func enter[M proto.Message](h *Handlers, entered *handler, given bool) {
	name, err := nameOf[M]()
	if err != nil {
		h.wrong = append(h.wrong, err)
		return
	}
	h.enter(name, entered, given)
}

// enter enters an erased handler for a message type, if one was given.
func (h *Handlers) enter(name string, entered *handler, given bool) {
	_, taken := h.byType[name]
	switch {
	case !given:
		h.wrong = append(h.wrong, fmt.Errorf("the handler for %s is nil", name))
	case taken:
		h.wrong = append(h.wrong, fmt.Errorf("two handlers for %s", name))
	default:
		h.byType = with(h.byType, name, entered)
	}
}

// with enters into a map, which it makes if there is none.
func with(m map[string]*handler, name string, entered *handler) map[string]*handler {
	if m == nil {
		m = map[string]*handler{}
	}
	m[name] = entered
	return m
}

// nameOf returns the full name of a generated message type. Others panic when a
// nil pointer is asked for it, as an interface and a dynamic message do.
func nameOf[M proto.Message]() (name string, err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("a handler for %v, which is no pointer to a generated message", reflect.TypeFor[M]())
		}
	}()
	var none M
	return string(none.ProtoReflect().Descriptor().FullName()), nil
}

// Join returns a map with the handlers of all of them. A type or method that two
// of them have is an error that [New] returns.
func Join(parts ...*Handlers) *Handlers {
	joined := NewHandlers()
	for _, part := range parts {
		joined.wrong = append(joined.wrong, part.wrong...)
		joined.add(joined.byType, part.byType)
		joined.add(joined.byMethod, part.byMethod)
	}
	return joined
}

// add enters the handlers of one map into another.
func (h *Handlers) add(to, from map[string]*handler) {
	for name, entered := range from {
		if _, taken := to[name]; taken {
			h.wrong = append(h.wrong, fmt.Errorf("two handlers for %s", name))
		}
		to[name] = entered
	}
}

// Derive returns a map with the handlers of base, but for those types and methods
// that overrides has: what a subclass is to dīvidere's reactors.
func Derive(base, overrides *Handlers) *Handlers {
	derived := NewHandlers()
	derived.wrong = slices.Concat(base.wrong, overrides.wrong)
	for _, part := range []*Handlers{base, overrides} {
		maps.Copy(derived.byType, part.byType)
		maps.Copy(derived.byMethod, part.byMethod)
	}
	return derived
}

// Types returns the full names of the message types that have a handler, sorted.
func (h *Handlers) Types() []string { return slices.Sorted(maps.Keys(h.byType)) }

// check returns everything that is wrong with the map.
func (h *Handlers) check() []error {
	if h == nil {
		return []error{errors.New("no handlers")}
	}
	return h.wrong
}

// serving returns the handlers behind interceptors, as serving calls them.
func (h *Handlers) serving(interceptors []Interceptor) serving.Handlers {
	byType, shared := h.byRequest()
	return serving.Handlers{ByType: behind(interceptors, byType), ByMethod: behind(interceptors, h.byMethod), Shared: shared}
}

// behind puts interceptors around handlers.
func behind(interceptors []Interceptor, handlers map[string]*handler) map[string]*serving.Handler {
	entries := map[string]*serving.Handler{}
	for name, h := range handlers {
		entries[name] = h.serving(chain(interceptors, h.invoke))
	}
	return entries
}

// serving returns the handler as serving calls it.
func (h *handler) serving(through Invoker) *serving.Handler {
	entry := &serving.Handler{Shape: serving.Shape(h.shape), Control: h.control, Open: h.open}
	if h.method != nil {
		entry.Name, entry.Takes = MethodName(h.method), string(h.method.Input().FullName())
	}
	entry.Invoke = func(ctx context.Context, r *serving.Request, message proto.Message) (proto.Message, error) {
		c := &Call{
			Request: message, Method: entry.Name, Metadata: r.Metadata, Delivery: r.Delivery, Shape: h.shape, request: r,
		}
		return through(context.WithValue(ctx, callKey{}, c), c)
	}
	return entry
}
