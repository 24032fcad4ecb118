package reactor

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// tick calls a hook whenever it is due.
func (u *run) tick(t timer) {
	due := t.every // after the start
	clock := time.NewTimer(due)
	defer clock.Stop()
	for {
		select {
		case <-u.receiving.Done():
			return
		case <-clock.C:
		}
		if u.due(t) {
			u.call(t)
		}
		due = u.next(t, due)
		clock.Reset(due - time.Since(u.began))
	}
}

// due reports whether it is time for a hook, also to the idle ones.
func (u *run) due(t timer) bool {
	return !t.idle || u.busy.Load() == 0 && time.Since(u.began) >= u.idleFrom()+t.every
}

// idleFrom returns when the last message was done with.
func (u *run) idleFrom() time.Duration { return time.Duration(u.latest.Load()) }

// next returns when to look at a hook again: an idle one when it has been quiet
// for long enough, if no message comes; another a whole number of times after the
// last one, so that hooks which take long skip some and do not shift the others.
func (u *run) next(t timer, due time.Duration) time.Duration {
	now := time.Since(u.began)
	if quiet := u.idleFrom() + t.every; t.idle && quiet > now {
		return quiet
	}
	if t.idle {
		return now + t.every
	}
	return due + (now-due)/t.every*t.every + t.every
}

// call runs a hook in turn with the handlers and waits for it.
func (u *run) call(t timer) {
	done := make(chan struct{})
	scheduled := u.scheduler.do(u.working, "", func() {
		defer close(done)
		if !u.due(t) {
			return // a message was handled while an idle hook waited for its turn
		}
		if err := u.contain(u.working, t.hook); err != nil {
			u.stats.failedHooks.Add(1)
			u.noise.warn("hook failed", "error", err)
		}
	})
	if scheduled {
		<-done
	}
}

// contain makes an error of a hook's panic.
func (r *Reactor) contain(ctx context.Context, hook Hook) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
			r.noise.fault("hook panicked", "", value, debug.Stack())
		}
	}()
	return hook(ctx)
}
