package reactor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/serving"
)

// chain puts interceptors around an invoker, the first outermost.
func chain(interceptors []Interceptor, invoke Invoker) Invoker {
	for i := len(interceptors) - 1; i >= 0; i-- {
		invoke = interceptors[i](invoke)
	}
	return invoke
}

// Recover turns a panic into an error with code [messaging.Internal], which says
// nothing of the panic to the peer, and gives the value and the stack to report.
// A reactor recovers by itself, outside all interceptors; this one is for those
// who want to know of panics elsewhere than in the log.
func Recover(report func(c *Call, value any, stack []byte)) Interceptor {
	return func(next Invoker) Invoker {
		return func(ctx context.Context, c *Call) (reply proto.Message, err error) {
			defer func() {
				if value := recover(); value != nil {
					report(c, value, debug.Stack())
					reply, err = nil, messaging.Errorf(messaging.Internal, "the handler of %s panicked", c.Name())
				}
			}()
			return next(ctx, c)
		}
	}
}

// Log logs each call: at level debug if it succeeds, at level warn if it fails or
// panics.
func Log(log *slog.Logger) Interceptor {
	return func(next Invoker) Invoker {
		return func(ctx context.Context, c *Call) (proto.Message, error) {
			began := time.Now()
			level, result := slog.LevelWarn, "panic" // unless next returns
			defer func() {
				log.Log(ctx, level, "handled", "name", c.Name(), "took", time.Since(began), "result", result)
			}()
			reply, err := next(ctx, c)
			if result = "ok"; err != nil {
				result = err.Error()
			} else {
				level = slog.LevelDebug
			}
			return reply, err
		}
	}
}

// EndStreams ends streams when stopping ends: their contexts do, and their callers
// get an error with code [messaging.Unavailable]. A server that stops lets what runs
// end before it does; for a stream without end it would wait for as long as it may.
func EndStreams(stopping context.Context) Interceptor {
	return func(next Invoker) Invoker {
		return func(ctx context.Context, c *Call) (proto.Message, error) {
			if c.Shape != Streaming {
				return next(ctx, c)
			}
			ctx, cancel := context.WithCancelCause(ctx)
			defer cancel(nil)
			defer context.AfterFunc(stopping, func() { cancel(serving.ErrStopped) })()
			reply, err := next(ctx, c)
			if err != nil && stopping.Err() != nil && errors.Is(err, context.Canceled) {
				err = serving.ErrStopped // to the caller it would mean that the caller cancelled
			}
			return reply, err
		}
	}
}

// Deadline ends the handler's context after d, if nothing ends it before. A
// handler that returns the context's error makes it DEADLINE_EXCEEDED.
func Deadline(d time.Duration) Interceptor {
	return func(next Invoker) Invoker {
		return func(ctx context.Context, c *Call) (proto.Message, error) {
			ctx, cancel := context.WithTimeoutCause(ctx, d, &overtime{name: c.Name(), limit: d})
			defer cancel()
			return next(ctx, c)
		}
	}
}

// overtime is why the context of a handler ends that takes too long. It is put
// into words only where somebody asks.
type overtime struct {
	name  string
	limit time.Duration
}

// Error returns which handler took longer than it may.
func (o *overtime) Error() string {
	return fmt.Sprintf("the handler of %s took longer than %v", o.name, o.limit)
}

// Unwrap returns context.DeadlineExceeded.
func (o *overtime) Unwrap() error { return context.DeadlineExceeded }
