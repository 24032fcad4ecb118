package call

import (
	"context"

	"github.com/mittere/mittere/messaging"
)

// gather tells the caller what several workers answer until the call ends. An error
// ends it on this side, and the server is told, if it has not done with the call.
func (x *exchange) gather(ctx context.Context, r *Request, each func(*messaging.Envelope) error) error {
	for {
		n, err := x.notice(ctx)
		if err != nil {
			return err
		}
		x.begun = x.begun || n.waiting == nil
		err = x.tell(n, r, each)
		if n.broken || err != nil && !n.last {
			x.cancel()
		}
		if n.last || err != nil {
			return err
		}
		if credit := x.group.paid(n); credit != nil {
			credit.Call = x.id
			_ = x.link.send(ctx, credit, nil) // if it fails, the call or the session is over, and notice says so
		}
	}
}

// notice waits for something to tell. An answer that came before the session ended counts.
func (x *exchange) notice(ctx context.Context) (notice, error) {
	for {
		if ctx.Err() != nil {
			return notice{}, x.expired(ctx)
		}
		n, found, lost := x.group.take()
		switch {
		case found:
			return n, nil
		case lost:
			return notice{}, x.link.lost(x.begun)
		}
		select {
		case <-x.group.came:
		case <-ctx.Done():
		case <-x.link.reading:
			x.link.read(ctx, x.group.something)
		}
	}
}

// tell tells the caller one thing. An error ends the call.
func (x *exchange) tell(n notice, r *Request, each func(*messaging.Envelope) error) error {
	defer n.message.Release()
	if n.reply != nil {
		r.time(n.reply)
	}
	switch {
	case n.accepted != nil:
		return r.Accept(n.accepted.GetInstances(), n.accepted.GetUnknown())
	case n.event != nil:
		r.progress(n.answer)
		return nil
	case n.waiting != nil:
		x.unread.Store(false)
		x.tellWaiting(r)
		return nil
	case n.part == nil:
		return n.err
	case n.part.stopped:
		return nil
	case n.err != nil:
		return r.Several.Failed(n.part.worker, n.err)
	case n.reply != nil && n.body == nil:
		return nil // the end of a stream
	}
	e, err := decode(n.body)
	if err != nil {
		x.group.stop(n.part)
		return r.Several.Failed(n.part.worker, err)
	}
	r.Several.From(n.part.worker)
	return each(&e)
}
