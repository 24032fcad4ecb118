package reactor

import (
	"context"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
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
	case c.work == nil:
		return nil
	}
	return c.work.progress(message)
}

// progress sends a report to all who wait for the work.
func (w *work) progress(message proto.Message) error {
	command, err := command.New(nil, message)
	if err != nil {
		return err
	}
	for _, l := range w.host.waiting(w) {
		command.Kind = &mitterev1.Event{Call: l.call, Instance: w.host.u.instance}
		sent := w.host.socket.outbox.offer(w.host.u.sending, &commandLetter{l.session.path, command})
		if code := messaging.CodeOf(sent); code == messaging.ResourceExhausted || code == messaging.InvalidArgument {
			err = sent // of this caller; others may take it
		}
	}
	return err
}

// waiting returns who waits for work.
func (h *host) waiting(w *work) []*leg {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*leg(nil), w.legs...)
}
