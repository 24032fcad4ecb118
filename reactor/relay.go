package reactor

import (
	"sync"
	"sync/atomic"
	"time"
)

// relay has the goroutine that receives on a socket run a short handler itself. To
// give a call to another goroutine mostly wakes a thread, which takes longer than all
// the rest of a short call. Nobody waits for such a handler for long: if it takes
// more time than expected, another goroutine receives in the place of this one, which
// then has nothing to do but to run the handler to its end.
type relay struct {
	listen func(turn uint64) // has a goroutine receive

	turn atomic.Uint64 // counts those who received; the latest does

	mu      sync.Mutex // guards what follows, and changes of turn
	lent    uint64     // counts handlers that were run so
	running uint64     // the one that is; 0 if none is
	watched uint64     // the one that ran when somebody last looked
	watch   *time.Timer
	looks   bool // whether somebody will look
}

const (
	// shortCall is how long a handler may take that is run by who receives.
	shortCall = 100 * time.Microsecond
	// calm is how many executions in a row must have been short before the next one is
	// expected to be.
	calm = 16
	// lookAfter is when another goroutine receives if a handler was not short after
	// all, or up to twice that.
	lookAfter = time.Millisecond
)

// begin notes that nobody receives while a handler runs. Whether it takes long is
// looked at every now and then, not by a timer for each: to set one mostly wakes a
// thread too.
func (r *relay) begin() (number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lent++
	r.running = r.lent
	if !r.looks {
		r.looks, r.watched = true, r.running
		r.lookLater()
	}
	return r.running
}

// end notes that the handler has ended.
func (r *relay) end(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == number {
		r.running = 0
	}
}

// look has another goroutine receive if the same handler runs as when somebody looked
// before.
func (r *relay) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.running {
	case 0:
		r.looks = false
	case r.watched:
		r.running, r.looks = 0, false
		r.listen(r.turn.Add(1))
	default:
		r.watched = r.running
		r.lookLater()
	}
}

// lookLater has look called, under the lock.
func (r *relay) lookLater() {
	if r.watch == nil {
		r.watch = time.AfterFunc(lookAfter, r.look)
		return
	}
	r.watch.Reset(lookAfter)
}

// pace is how long the latest executions of a handler took.
type pace struct{ short atomic.Int32 }

// note notes an execution.
func (p *pace) note(took time.Duration) {
	switch n := p.short.Load(); {
	case took > shortCall:
		p.short.Store(0)
	case n < calm:
		p.short.Store(n + 1)
	}
}

// isShort reports whether the next execution is expected to be short.
func (p *pace) isShort() bool { return p.short.Load() == calm }
