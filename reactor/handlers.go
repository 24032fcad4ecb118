package reactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// Handlers maps message types to handlers; its zero value is an empty map. Fill
// it before it is given to a reactor: it is not safe for concurrent use until
// then, and what is entered after that has no effect.
type Handlers struct {
	byType map[string]*handler
	wrong  []error
}

// Shape says what kind of function a handler is.
type Shape uint8

const (
	// Unary answers each request once.
	Unary Shape = iota
	// Observer takes messages without answering.
	Observer
	// Streaming answers each request with any number of messages.
	Streaming
)

// handler is a handler whose types are erased.
type handler struct {
	shape  Shape
	open   func(*messaging.Envelope) (proto.Message, error)
	invoke Invoker
}

// NewHandlers returns a map without handlers.
func NewHandlers() *Handlers { return &Handlers{byType: map[string]*handler{}} }

// Handle enters a function that answers requests of type Req. Req and Resp are
// pointers to generated messages. On a socket that cannot reply, a Subscriber or
// a Pull, the answer is dropped. A second handler for the same type is an error
// that [New] returns.
func Handle[Req, Resp proto.Message](h *Handlers, f func(context.Context, Req) (Resp, error)) {
	enter[Req](h, Unary, f != nil, func(ctx context.Context, c *Call) (proto.Message, error) {
		reply, err := f(ctx, c.Request.(Req))
		if err != nil {
			return nil, err
		}
		return reply, nil
	})
}

// Observe enters a function that takes messages of type Msg. A sender that waits
// for an answer gets an empty mittere.v1.Status, or the error.
func Observe[Msg proto.Message](h *Handlers, f func(context.Context, Msg) error) {
	enter[Msg](h, Observer, f != nil, func(ctx context.Context, c *Call) (proto.Message, error) {
		return nil, f(ctx, c.Request.(Msg))
	})
}

// Stream enters a function that answers requests of type Req with any number of
// messages of type Item, to a receiver that can take them: a [messaging.Request]
// cannot. Each goes out as send is called, and the message is the handler's again
// after it. While the receiver has no room, send waits, and with it all messages
// that are behind this one; an error means that the receiver is gone or that ctx
// ended. A mittere.v1.Status ends the stream.
func Stream[Req, Item proto.Message](h *Handlers, f func(ctx context.Context, req Req, send func(Item) error) error) {
	enter[Req](h, Streaming, f != nil, func(ctx context.Context, c *Call) (proto.Message, error) {
		return nil, f(ctx, c.Request.(Req), func(item Item) error { return c.send(ctx, item) })
	})
}

// enter enters an erased handler for messages of type M, if one was given.
func enter[M proto.Message](h *Handlers, shape Shape, given bool, invoke Invoker) {
	name, err := nameOf[M]()
	_, taken := h.byType[name]
	switch {
	case err != nil:
		h.wrong = append(h.wrong, err)
		return
	case !given:
		h.wrong = append(h.wrong, fmt.Errorf("the handler for %s is nil", name))
		return
	case taken:
		h.wrong = append(h.wrong, fmt.Errorf("two handlers for %s", name))
		return
	case h.byType == nil:
		h.byType = map[string]*handler{}
	}
	open := func(e *messaging.Envelope) (proto.Message, error) { return messaging.Open[M](e) }
	h.byType[name] = &handler{shape: shape, open: open, invoke: invoke}
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

// Join returns a map with the handlers of all of them. A type that two of them
// have is an error that [New] returns.
func Join(parts ...*Handlers) *Handlers {
	joined := NewHandlers()
	for _, part := range parts {
		joined.wrong = append(joined.wrong, part.wrong...)
		for name, entry := range part.byType {
			if _, taken := joined.byType[name]; taken {
				joined.wrong = append(joined.wrong, fmt.Errorf("two handlers for %s", name))
			}
			joined.byType[name] = entry
		}
	}
	return joined
}

// Derive returns a map with the handlers of base, but for those types that
// overrides has: what a subclass is to dīvidere's reactors.
func Derive(base, overrides *Handlers) *Handlers {
	derived := &Handlers{byType: map[string]*handler{}, wrong: slices.Concat(base.wrong, overrides.wrong)}
	maps.Copy(derived.byType, base.byType)
	maps.Copy(derived.byType, overrides.byType)
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
