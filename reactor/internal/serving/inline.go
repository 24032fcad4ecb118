package serving

import (
	"sync"
	"time"
)

// inlineWatch looks whether a handler that the receiving goroutine runs is short. To give a
// call to another goroutine mostly wakes a thread, which takes longer than all the rest of a
// short call. Nobody waits for such a handler for long: if it takes more time than expected,
// another goroutine receives in the place of this one, which then has nothing to do but to run
// the handler to its end.
type inlineWatch struct {
	replace func() // has another goroutine receive

	mu      sync.Mutex // guards what follows
	count   uint64     // of handlers that were run so
	running uint64     // the one that is; 0 if none is
	watched uint64     // the one that ran when the watch last looked
	timer   *time.Timer
	looks   bool // whether the watch will look
}

// lookAfter is when another goroutine receives if a handler was not short after all, or up to
// twice that.
const lookAfter = time.Millisecond

// begin notes that nobody receives while a handler runs. Whether it takes long is looked at
// every now and then, not by a timer for each: to set one mostly wakes a thread too.
func (w *inlineWatch) begin() (number uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	w.running = w.count
	if !w.looks {
		w.looks, w.watched = true, w.running
		w.lookLater()
	}
	return w.running
}

// end notes that the handler has ended.
func (w *inlineWatch) end(number uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == number {
		w.running = 0
	}
}

// look has another goroutine receive if the same handler runs as when it last looked.
func (w *inlineWatch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.running {
	case 0:
		w.looks = false
	case w.watched:
		w.running, w.looks = 0, false
		w.replace()
	default:
		w.watched = w.running
		w.lookLater()
	}
}

// lookLater has look called, under the lock.
func (w *inlineWatch) lookLater() {
	if w.timer == nil {
		w.timer = time.AfterFunc(lookAfter, w.look)
		return
	}
	w.timer.Reset(lookAfter)
}

// inlined returns how many handlers were run so.
func (w *inlineWatch) inlined() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}
