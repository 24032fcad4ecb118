package serving

import (
	"context"
	"fmt"
	"time"
)

// tick calls a hook whenever it is due.
func (r *Road) tick(t Timer) {
	due := t.Every // after the start
	clock := time.NewTimer(due)
	defer clock.Stop()
	for {
		select {
		case <-r.receiving.Done():
			return
		case <-clock.C:
		}
		if r.due(t) {
			r.inTurn(func() { r.callTimer(t) })
		}
		due = r.next(t, due)
		clock.Reset(due - r.now())
	}
}

// due reports whether it is time for a hook, also to the idle ones.
func (r *Road) due(t Timer) bool {
	since, quiet := r.activity.quietSince()
	return !t.Idle || quiet && r.now() >= since+t.Every
}

// next returns when to look at a hook again: an idle one when it has been quiet for long
// enough, if no message comes; another a whole number of times after the last one, so that
// hooks which take long skip some and do not shift the others.
func (r *Road) next(t Timer, due time.Duration) time.Duration {
	now := r.now()
	if !t.Idle {
		return due + (now-due)/t.Every*t.Every + t.Every
	}
	if since, _ := r.activity.quietSince(); since+t.Every > now {
		return since + t.Every
	}
	return now + t.Every
}

// callTimer calls a hook, unless a message was handled while an idle one waited for its turn.
func (r *Road) callTimer(t Timer) {
	if r.working.Err() != nil || !r.due(t) {
		return
	}
	if err := r.call(r.working, t.Hook); err != nil {
		r.stats.FailedHooks.Add(1)
		r.warn("hook failed", "error", err)
	}
}

// call calls a hook, and makes an error of its panic.
func (r *Road) call(ctx context.Context, hook Hook) (err error) {
	if value := r.guarded("hook", "", func() { err = hook(ctx) }); value != nil {
		return fmt.Errorf("panic: %v", value)
	}
	return err
}
