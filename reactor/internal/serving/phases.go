package serving

import (
	"context"
	"time"
)

// phases are the contexts of a run, in the order in which they end.
type phases struct {
	receiving context.Context // ends when nothing more is to be received
	stop      context.CancelCauseFunc
	working   context.Context // of handlers; ends when their time is up
	abandon   context.CancelCauseFunc
	sending   context.Context // of answers; ends a little later, for the last ones
	hangUp    context.CancelCauseFunc
	handling  context.Context // ends when no handler runs any more
	handled   context.CancelFunc
	began     time.Time
}

// newPhases returns the phases of a run that ctx ends.
func newPhases(ctx context.Context) phases {
	p, rest := phases{began: time.Now()}, context.WithoutCancel(ctx)
	p.receiving, p.stop = context.WithCancelCause(ctx)
	p.working, p.abandon = context.WithCancelCause(rest)
	p.sending, p.hangUp = context.WithCancelCause(rest)
	p.handling, p.handled = context.WithCancel(rest)
	return p
}

// now returns the time since the run began, which is the clock of all sessions.
func (p *phases) now() time.Duration { return time.Since(p.began) }

// stopping reports whether nothing more is to be received.
func (p *phases) stopping() bool { return p.receiving.Err() != nil }

// reason says why a run ended that was not asked to.
func (p *phases) reason(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(p.receiving)
}

// endAfter ends a context in a while, or when the function it returns is called.
func endAfter(d time.Duration, end context.CancelCauseFunc) (now func()) {
	timer := time.AfterFunc(d, func() { end(ErrStopped) })
	return func() {
		timer.Stop()
		end(ErrStopped)
	}
}
