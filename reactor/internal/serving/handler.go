package serving

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

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

// Handler is what a message reaches at the end of the road.
type Handler struct {
	// Name is the method's name; empty if the handler is for a type.
	Name string
	// Takes is the full name of the messages that the method takes.
	Takes string
	// Shape is its kind.
	Shape Shape
	// Control reports whether it runs beside all others, on the control plane.
	Control bool
	// Open makes the message of an envelope.
	Open func(*messaging.Envelope) (proto.Message, error)
	// Invoke calls the handler through its interceptors.
	Invoke func(context.Context, *Request, proto.Message) (proto.Message, error)

	track *track // where it runs
	pace  pace
}

// Handlers are all handlers of a reactor.
type Handlers struct {
	// ByType has them by the full name of the message that leads to them.
	ByType map[string]*Handler
	// ByMethod has them by the name of the method.
	ByMethod map[string]*Handler
	// Shared has the types that several methods take, none of which a type leads to.
	Shared map[string]bool
}

// ofType returns the handler that a message type leads to.
func (h *Handlers) ofType(name string) (*Handler, *messaging.Error) {
	found := h.ByType[name]
	switch {
	case found != nil:
		return found, nil
	case h.Shared[name]:
		return nil, messaging.Errorf(messaging.Unimplemented, "several methods take a %s; name one", name)
	default:
		return nil, messaging.Errorf(messaging.Unimplemented, "no handler for %s", name)
	}
}

// ofMethod returns the handler of a method, which is called with a message of a type; without
// a method, that of the type.
func (h *Handlers) ofMethod(method, name string) (*Handler, *messaging.Error) {
	if method == "" {
		return h.ofType(name)
	}
	found := h.ByMethod[method]
	switch {
	case found == nil:
		return nil, messaging.Errorf(messaging.Unimplemented, "no method %s", method)
	case found.Takes != name:
		return nil, messaging.Errorf(messaging.InvalidArgument, "%s takes a %s, not a %s", method, found.Takes, name)
	default:
		return found, nil
	}
}
