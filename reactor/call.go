package reactor

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/serving"
)

// Call is one message on its way to its handler. It is valid while the handler
// runs.
type Call struct {
	// Request is the message.
	Request proto.Message
	// Method is the method that was called; empty if a message of the handler's
	// type came.
	Method string
	// Metadata is what the caller attached.
	Metadata map[string]string
	// Delivery is the message as it arrived. A handler may reply on it beyond
	// what it returns, unless it is a command or the sender waits for exactly one
	// answer.
	Delivery *messaging.Delivery
	// Shape is the kind of handler it goes to.
	Shape Shape

	request *serving.Request // of which it is made
}

// Name returns the method, or else the full name of the message's type.
func (c *Call) Name() string {
	if c.Method != "" {
		return c.Method
	}
	return c.Delivery.Type
}

// Invoker calls a handler, or the interceptor in front of it. The returned
// message is the answer; only a Unary handler has one.
type Invoker func(context.Context, *Call) (proto.Message, error)

// Interceptor wraps an Invoker with what all handlers need. It may change the
// context, the answer and the error, and may leave the handler uncalled. It is
// called by several goroutines at once if the reactor has a pool.
type Interceptor func(next Invoker) Invoker

// callKey is the key of a Call in a context.
type callKey struct{}

// CallFrom returns the call that a handler's context belongs to, nil for any
// other context.
func CallFrom(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}
