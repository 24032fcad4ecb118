package reactor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/messaging"
)

// HandleMethod enters a function that answers the calls of a unary method. Plain
// envelopes with a message of its request's type reach it too, unless another
// method takes that type or [Handle] entered a function for it.
func HandleMethod[Req, Resp proto.Message](h *Handlers, md protoreflect.MethodDescriptor, f func(context.Context, Req) (Resp, error)) {
	enterMethod[Req](h, md, newHandler[Req](Unary, unary(f)), f != nil)
}

// StreamMethod enters a function that answers the calls of a method with a stream.
// Its items wait for the caller to give credit; see [Stream].
func StreamMethod[Req, Item proto.Message](h *Handlers, md protoreflect.MethodDescriptor, f func(ctx context.Context, req Req, send func(Item) error) error) {
	enterMethod[Req](h, md, newHandler[Req](Streaming, streaming(f)), f != nil)
}

// HandleType enters a function that answers requests of a type that is known only
// when the program runs, as those of dynamicpb are.
func HandleType(h *Handlers, t protoreflect.MessageType, f func(context.Context, proto.Message) (proto.Message, error)) {
	open := func(e *messaging.Envelope) (proto.Message, error) {
		m := t.New().Interface()
		return m, e.OpenInto(m)
	}
	h.enter(string(t.Descriptor().FullName()), &handler{shape: Unary, open: open, invoke: unary(f)}, f != nil)
}

// enterMethod enters the handler of a method whose requests are of type Req.
func enterMethod[Req proto.Message](h *Handlers, md protoreflect.MethodDescriptor, entered *handler, given bool) {
	name := MethodName(md)
	request, err := nameOf[Req]()
	_, taken := h.byMethod[name]
	switch {
	case err != nil:
		h.wrong = append(h.wrong, err)
	case !given:
		h.wrong = append(h.wrong, fmt.Errorf("the handler for %s is nil", name))
	case taken:
		h.wrong = append(h.wrong, fmt.Errorf("two handlers for %s", name))
	case md.IsStreamingClient():
		h.wrong = append(h.wrong, fmt.Errorf("%s takes a stream of requests, which is not supported", name))
	case md.IsStreamingServer() != (entered.shape == Streaming):
		h.wrong = append(h.wrong, fmt.Errorf("the handler for %s is not of its kind: unary, or a stream", name))
	case string(md.Input().FullName()) != request:
		h.wrong = append(h.wrong, fmt.Errorf("%s takes a %s, its handler a %s", name, md.Input().FullName(), request))
	default:
		entered.method = md
		h.byMethod = with(h.byMethod, name, entered)
	}
}

// MethodName returns the name by which a method is called, such as
// "calc.v1.CalculatorService/Add".
func MethodName(md protoreflect.MethodDescriptor) string {
	return string(md.Parent().FullName()) + "/" + string(md.Name())
}

// ControlPlane returns a map with the same handlers, which shall run beside all others:
// neither the limits nor the queue of calls hold them up. It is for handlers that answer at
// once, such as those that tell of a server's health. At most 16 run at once.
func ControlPlane(h *Handlers) *Handlers {
	return &Handlers{byType: controlled(h.byType), byMethod: controlled(h.byMethod), wrong: h.wrong}
}

// controlled returns copies of handlers that run on the control plane.
func controlled(handlers map[string]*handler) map[string]*handler {
	marked := make(map[string]*handler, len(handlers))
	for name, h := range handlers {
		entered := *h
		entered.control = true
		marked[name] = &entered
	}
	return marked
}

// Methods returns the descriptors of the methods that have a handler, ordered by
// name.
func (h *Handlers) Methods() []protoreflect.MethodDescriptor {
	var methods []protoreflect.MethodDescriptor
	for _, entered := range h.byMethod {
		methods = append(methods, entered.method)
	}
	slices.SortFunc(methods, func(a, b protoreflect.MethodDescriptor) int {
		return cmp.Compare(MethodName(a), MethodName(b))
	})
	return methods
}

// byRequest returns the handlers by type of message: those that were entered for
// one, and those of methods that alone take it. shared has the types that several
// methods take.
func (h *Handlers) byRequest() (byType map[string]*handler, shared map[string]bool) {
	byType, shared = map[string]*handler{}, map[string]bool{}
	for _, entered := range h.byMethod {
		name := string(entered.method.Input().FullName())
		if byType[name] != nil {
			shared[name] = true
		}
		byType[name] = entered
	}
	for name := range shared {
		delete(byType, name)
	}
	for name := range h.byType {
		delete(shared, name)
	}
	maps.Copy(byType, h.byType)
	return byType, shared
}
