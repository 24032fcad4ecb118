package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mittere/mittere/service/broker"
)

// freeze stops the worker that has most files, so that it will surely have some when
// it is killed: all that it has from now on stay with it. It returns its process id,
// 0 if there is none.
func (c *coordinator) freeze() (victim int64) {
	workers := c.workers()
	slices.SortStableFunc(workers, func(a, b broker.WorkerView) int { return cmp.Compare(b.InFlight, a.InFlight) })
	for _, w := range workers {
		if pid := workerPid(w.Offer.Name); c.fleet.freeze(pid) {
			return pid
		}
	}
	return 0
}

// finishOff kills a frozen worker when it has files, or when nothing more comes since
// all files were out.
func (c *coordinator) finishOff(victim int64, over <-chan struct{}) {
	const look = 10 * time.Millisecond // what it sent before it froze has come by then
	tick := time.NewTicker(look)
	defer tick.Stop()
	var last broker.WorkerView
	for waiting := true; waiting; {
		select {
		case <-tick.C:
		case <-over:
			waiting = false
		}
		now := c.worker(victim)
		if now.InFlight > 0 && now.InFlight == last.InFlight && now.Served == last.Served {
			waiting = false
		}
		last = now
	}
	if c.fleet.kill(victim) {
		c.screen.print(fmt.Sprintf("  killed worker %d, which has %s\n", victim, plural(last.InFlight, "file")))
	}
}

// worker returns what the broker knows of a worker, nothing if it does not know it.
func (c *coordinator) worker(pid int64) broker.WorkerView {
	for _, w := range c.workers() {
		if w.Offer.Name == workerName(pid) {
			return w
		}
	}
	return broker.WorkerView{}
}
