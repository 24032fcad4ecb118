package serving

import (
	"context"
	"sync/atomic"
	"time"
)

// activity is whether messages are on the road, and since when none is. It counts only if
// somebody wants to know.
type activity struct {
	wanted bool
	busy   atomic.Int64 // messages that are received and not yet done with
	latest atomic.Int64 // when that last changed, in nanoseconds since the run began
}

// begin notes that a message was received.
func (a *activity) begin(p *phases) {
	if a.wanted {
		a.busy.Add(1)
		a.latest.Store(int64(p.now()))
	}
}

// end notes that a message is done with.
func (a *activity) end(p *phases) {
	if a.wanted {
		a.latest.Store(int64(p.now()))
		a.busy.Add(-1)
	}
}

// quietSince returns when the last message was done with; false means that one is not yet.
func (a *activity) quietSince() (since time.Duration, quiet bool) {
	quiet = a.busy.Load() == 0
	return time.Duration(a.latest.Load()), quiet
}

// pending counts the requests that were admitted and are not answered yet.
type pending struct {
	n      atomic.Int64
	wanted atomic.Bool   // somebody waits
	none   chan struct{} // holds a token if there may be none
}

// newPending returns none.
func newPending() pending { return pending{none: make(chan struct{}, 1)} }

// begin notes one more.
func (p *pending) begin() { p.n.Add(1) }

// end notes one less.
func (p *pending) end() {
	if p.n.Add(-1) == 0 && p.wanted.Load() {
		p.tell()
	}
}

// tell wakes one of the goroutines that wait.
func (p *pending) tell() {
	select {
	case p.none <- struct{}{}:
	default:
	}
}

// wait waits until there is none; false means that ctx ended first.
func (p *pending) wait(ctx context.Context) bool {
	p.wanted.Store(true)
	for p.n.Load() > 0 {
		select {
		case <-p.none:
		case <-ctx.Done():
			return p.n.Load() == 0
		}
	}
	p.tell() // others may wait too
	return true
}
