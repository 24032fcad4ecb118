package reactor

import (
	"context"
	"fmt"
	"time"
)

// tick calls a hook in its time.
func (u *run) tick(t timer) {
	clock := time.NewTimer(t.every)
	defer clock.Stop()
	for {
		select {
		case <-u.receiving.Done():
			return
		case <-clock.C:
		}
		wait := t.every
		if early := u.untilIdle(t); early > 0 {
			wait = early
		} else {
			u.call(t.hook)
		}
		clock.Reset(wait)
	}
}

// untilIdle returns how long it is until an idle hook is due, if no message
// comes.
func (u *run) untilIdle(t timer) time.Duration {
	if !t.idle {
		return 0
	}
	return t.every - time.Since(time.Unix(0, u.latest.Load()))
}

// call runs a hook in turn with the handlers and waits for it.
func (u *run) call(hook Hook) {
	done := make(chan struct{})
	scheduled := u.scheduler.do(u.working, "", func() {
		defer close(done)
		if err := contain(u.working, hook); err != nil {
			u.stats.failedHooks.Add(1)
			u.noise.warn("hook failed", "error", err)
		}
	})
	if scheduled {
		<-done
	}
}

// contain makes an error of a hook's panic.
func contain(ctx context.Context, hook Hook) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return hook(ctx)
}
