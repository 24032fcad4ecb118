package native

import (
	"context"
	"sync"
)

// waitlist holds the calls that wait, in order of arrival. The lock of what they wait for
// guards it. The zero value is empty.
//
// One call is woken at a time. It tries again, and when it is done wakes the next, as
// long as there is something to do. A call whose context ended after it was woken tries
// once more all the same: else the wake-up would be lost.
type waitlist struct {
	first, last *waiter
	n           int
}

// waiter is a call that waits.
type waiter struct {
	woken      chan struct{} // has something when the call is woken
	prev, next *waiter
	listed     bool
}

var waiters = sync.Pool{New: func() any { return &waiter{woken: make(chan struct{}, 1)} }}

// enter adds a call to the end.
func (l *waitlist) enter() *waiter {
	w := waiters.Get().(*waiter)
	w.prev, w.next, w.listed = l.last, nil, true
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	l.n++
	return w
}

// enterAgain adds a call that was woken, but found nothing to do, in front of all others.
func (l *waitlist) enterAgain() *waiter {
	w := waiters.Get().(*waiter)
	w.prev, w.next, w.listed = nil, l.first, true
	if l.first == nil {
		l.last = w
	} else {
		l.first.prev = w
	}
	l.first = w
	l.n++
	return w
}

// remove takes a call out, and says whether it was there: whether it was not woken.
func (l *waitlist) remove(w *waiter) bool {
	if !w.listed {
		return false
	}
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.listed = nil, nil, false
	l.n--
	return true
}

// wake wakes the call that waits longest.
func (l *waitlist) wake() {
	if w := l.first; w != nil {
		l.remove(w)
		w.woken <- struct{}{}
	}
}

// wakeAll wakes all calls.
func (l *waitlist) wakeAll() {
	for l.first != nil {
		l.wake()
	}
}

// await waits until w is woken, or ctx ends, and says whether it was woken. mu is the lock
// of l. w must not be used after that.
func (l *waitlist) await(ctx context.Context, mu sync.Locker, w *waiter) bool {
	defer waiters.Put(w)
	select {
	case <-w.woken:
		return true
	case <-ctx.Done():
	}
	mu.Lock()
	removed := l.remove(w)
	mu.Unlock()
	if !removed {
		<-w.woken
	}
	return !removed
}
