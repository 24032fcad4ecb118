package main

import (
	"runtime"
	"time"
)

// heapWatch counts what a process allocates between the end of the warm-up and
// stop. It stops the world for a moment, twice.
type heapWatch struct {
	timer         *time.Timer
	from          chan runtime.MemStats
	allocs, bytes uint64
}

// start takes the first count when the warm-up is over.
func (h *heapWatch) start(warm time.Duration) {
	h.from = make(chan runtime.MemStats, 1)
	h.timer = time.AfterFunc(warm, func() { h.from <- heapNow() })
}

// stop takes the second count. Without a first there is nothing to tell.
func (h *heapWatch) stop() {
	if h.timer.Stop() {
		return
	}
	from, to := <-h.from, heapNow()
	h.allocs, h.bytes = to.Mallocs-from.Mallocs, to.TotalAlloc-from.TotalAlloc
}

// per returns objects and bytes for one op.
func (h *heapWatch) per(ops uint64) (allocs, bytes float64) {
	n := float64(max(ops, 1))
	return float64(h.allocs) / n, float64(h.bytes) / n
}

// heapNow reads the counters.
func heapNow() (s runtime.MemStats) {
	runtime.ReadMemStats(&s)
	return s
}
