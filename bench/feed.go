package main

import (
	"encoding/binary"
	"math"
	"time"
)

// lastTick is the number of the tick that ends a feed.
const lastTick = math.MaxUint64

// clockEvery is how many ticks pass between two looks at the clock: one look
// costs as much as a good part of a message.
const clockEvery = 64

// Feed gives a publisher its payloads: numbered from 0, for as long as the
// warm-up and the window last, then one with the number lastTick, then nil.
type Feed struct {
	task  Task
	buf   []byte
	sent  uint64
	end   time.Time
	ended bool
	done  func(Result) // told once, when nil is returned
}

// newFeed returns the feed of a task.
func newFeed(t Task, done func(Result)) *Feed {
	return &Feed{task: t, buf: make([]byte, t.Size), done: done}
}

// Next returns the next payload. It is valid until the next call.
func (f *Feed) Next() []byte {
	if f.ended {
		f.done(Result{Total: f.sent})
		return nil
	}
	if f.sent == 0 {
		f.end = time.Now().Add(f.task.Warm + f.task.Window)
	}
	if f.sent%clockEvery == 0 && time.Now().After(f.end) {
		f.ended = true
		return f.number(lastTick)
	}
	f.sent++
	return f.number(f.sent - 1)
}

// number writes n into the payload.
func (f *Feed) number(n uint64) []byte {
	binary.LittleEndian.PutUint64(f.buf, n)
	return f.buf
}

// Tally counts what a subscriber gets. Its window begins when the warm-up is
// over, counted from the first tick, and ends with the last tick.
type Tally struct {
	task        Task
	received    uint64
	next        uint64 // the number that should come
	lost        uint64
	begin, end  time.Time
	beforeBegin uint64
	heap        heapWatch
	measuring   bool
}

// newTally returns the tally of a task.
func newTally(t Task) *Tally { return &Tally{task: t} }

// Add counts a payload and returns true when it was the last.
func (t *Tally) Add(payload []byte) (done bool) {
	n := binary.LittleEndian.Uint64(payload)
	if n == lastTick {
		t.finish()
		return true
	}
	if t.received == 0 {
		t.begin = time.Now().Add(t.task.Warm)
		t.heap.start(t.task.Warm)
	}
	if n != t.next {
		t.lost += n - t.next
	}
	t.next = n + 1
	t.received++
	t.lookForBegin()
	return false
}

// lookForBegin opens the window when its time has come.
func (t *Tally) lookForBegin() {
	if t.measuring || t.received%clockEvery != 0 {
		return
	}
	if now := time.Now(); now.After(t.begin) {
		t.begin, t.beforeBegin, t.measuring = now, t.received, true
	}
}

// finish closes the window.
func (t *Tally) finish() {
	t.end = time.Now()
	if t.received > 0 {
		t.heap.stop()
	}
}

// result sums up.
func (t *Tally) result() Result {
	r := Result{Total: t.received, Lost: t.lost}
	if t.measuring {
		r.Ops, r.Seconds = t.received-t.beforeBegin, t.end.Sub(t.begin).Seconds()
	}
	r.Allocs, r.Bytes = t.heap.per(r.Ops)
	return r
}
