package reactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// Handlers maps message types to handlers. Fill it before it is given to a
// reactor; it is not safe for concurrent use until then and not changed after.
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
// pointers to generated messages. A second handler for the same type is an error
// that [New] returns.
func Handle[Req, Resp proto.Message](h *Handlers, f func(context.Context, Req) (Resp, error)) {
	enter[Req](h, Unary, func(ctx context.Context, c *Call) (proto.Message, error) {
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
	enter[Msg](h, Observer, func(ctx context.Context, c *Call) (proto.Message, error) {
		return nil, f(ctx, c.Request.(Msg))
	})
}

// Stream enters a function that answers requests of type Req with any number of
// messages of type Item. Each goes out as send is called; an error of send means
// that the receiver is gone. A mittere.v1.Status ends the stream.
func Stream[Req, Item proto.Message](h *Handlers, f func(ctx context.Context, req Req, send func(Item) error) error) {
	enter[Req](h, Streaming, func(ctx context.Context, c *Call) (proto.Message, error) {
		return nil, f(ctx, c.Request.(Req), func(item Item) error { return c.send(ctx, item) })
	})
}

// enter enters an erased handler for messages of type M.
func enter[M proto.Message](h *Handlers, shape Shape, invoke Invoker) {
	var none M
	name := string(none.ProtoReflect().Descriptor().FullName())
	if _, taken := h.byType[name]; taken {
		h.wrong = append(h.wrong, fmt.Errorf("two handlers for %s", name))
		return
	}
	open := func(e *messaging.Envelope) (proto.Message, error) { return messaging.Open[M](e) }
	h.byType[name] = &handler{shape: shape, open: open, invoke: invoke}
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
	derived := &Handlers{byType: maps.Clone(base.byType), wrong: slices.Concat(base.wrong, overrides.wrong)}
	maps.Copy(derived.byType, overrides.byType)
	return derived
}

// Types returns the full names of the message types that have a handler, sorted.
func (h *Handlers) Types() []string { return slices.Sorted(maps.Keys(h.byType)) }

// err returns everything that is wrong with the map.
func (h *Handlers) err() error { return errors.Join(h.wrong...) }
