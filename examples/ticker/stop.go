package ticker

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// EndStreams returns an interceptor that ends streams when stopping ends. A server
// that stops lets what runs end before it does, and a stream without end would
// make it wait for the drain timeout, and fail.
func EndStreams(stopping context.Context) reactor.Interceptor {
	return func(next reactor.Invoker) reactor.Invoker {
		return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
			if c.Shape != reactor.Streaming {
				return next(ctx, c)
			}
			ctx, cancel := context.WithCancelCause(ctx)
			defer cancel(nil)
			defer context.AfterFunc(stopping, func() {
				cancel(messaging.Errorf(messaging.Unavailable, "the server stops"))
			})()
			return next(ctx, c)
		}
	}
}
