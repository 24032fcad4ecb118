package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// waitMoment is how long a command waits before it says why.
const waitMoment = time.Second

// waitNotice tells on standard error why a command waits: after a moment, and again
// when the reason changes. With failFast it ends what waits in place of that.
type waitNotice struct {
	w        io.Writer
	failFast bool

	mu    sync.Mutex  // guards what follows, and writing
	why   string      // why it waits; empty if it does not
	told  string      // the reason that was told last
	timer *time.Timer // tells; nil before the first reason
	ended bool
}

// set notes why the command waits, nil if it does not.
func (n *waitNotice) set(why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.why = ""
	if why != nil {
		n.why = messaging.AsError(why).Message
	}
	switch {
	case n.timer == nil:
		n.timer = time.AfterFunc(waitMoment, n.tell)
	case n.told != "": // the moment has passed
		n.write()
	}
}

// tell tells the reason, or lets a moment pass until there is one.
func (n *waitNotice) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.why == "" {
		n.timer.Reset(waitMoment)
	}
	n.write()
}

// write writes the reason if it was not told before, under the lock.
func (n *waitNotice) write() {
	if n.ended || n.why == "" || n.why == n.told {
		return
	}
	n.told = n.why
	fmt.Fprintf(n.w, "mittere: waiting: %s\n", n.why)
}

// end tells nothing any more.
func (n *waitNotice) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended = true; n.timer != nil {
		n.timer.Stop()
	}
}

// intercept has the note told why calls wait.
func (n *waitNotice) intercept(next call.Invoker) call.Invoker {
	return func(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
		r.FailFast, r.Waiting = n.failFast, n.set
		return next(ctx, r, each)
	}
}

// reason returns why what failed was ended by the note, if it was, or else its error.
func (n *waitNotice) reason(ctx context.Context, err error) error {
	var why *messaging.Error
	if err == nil || !errors.As(context.Cause(ctx), &why) {
		return err
	}
	return why
}

// connecting is what is connected to a registry or a broker.
type connecting interface {
	Changed() <-chan struct{}
	Connecting() bool
	Err() error
}

// attend notes why there is no connection until the context that it returns ends, which
// with failFast it does when it is known that there will be none. A nil note notes
// nothing.
func (n *waitNotice) attend(ctx context.Context, c connecting) (context.Context, context.CancelFunc) {
	if n == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for ctx.Err() == nil {
			changed := c.Changed()
			why := c.Err()
			if n.set(why); why != nil && n.failFast && !c.Connecting() {
				cancel(messaging.AsError(why))
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	})
	return ctx, func() {
		cancel(errors.New("it is over"))
		watcher.Wait()
	}
}
