package reactor

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// Progress tells who waits for the running request how far it has come: with a message
// of any type, beside the answer, over a broker or directly. ctx is that of the handler,
// or made of it. It never waits for a caller, who need not listen: a report for which
// there is no room is dropped, and a caller that sent a plain envelope gets none.
// So a nil error says only that there was nothing wrong with the report.
//
// After the handler has returned it does nothing. If ctx has ended it returns why, so
// that a handler may end too. A message that cannot be sent is an error with code
// [messaging.InvalidArgument] or [messaging.ResourceExhausted]; a ctx that is no
// handler's is one with code [messaging.FailedPrecondition]. It may be called by any
// number of goroutines at once, and the message is the caller's again after it.
func Progress(ctx context.Context, message proto.Message) error {
	c := CallFrom(ctx)
	switch {
	case c == nil:
		return messaging.Errorf(messaging.FailedPrecondition, "progress is reported with the context of a handler")
	case ctx.Err() != nil:
		return messaging.AsError(context.Cause(ctx))
	default:
		return c.request.Progress(message)
	}
}
