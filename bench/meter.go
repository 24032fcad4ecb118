package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Meter runs the request load of one client and measures it. A system uses
// either Workers or Pipeline, once.
type Meter struct {
	task       Task
	begin      time.Time // when it counts
	end        time.Time // when it counts no more
	heap       heapWatch
	mu         sync.Mutex
	all        Histogram
	total, ops uint64
}

// newMeter returns the meter of a task.
func newMeter(t Task) *Meter { return &Meter{task: t} }

// start sets the window. It is called when the load begins, not when the
// process does.
func (m *Meter) start() {
	m.begin = time.Now().Add(m.task.Warm)
	m.end = m.begin.Add(m.task.Window)
	m.heap.start(m.task.Warm)
}

// recorder is one goroutine's share of the counts.
type recorder struct {
	meter      *Meter
	hist       Histogram
	total, ops uint64
}

// record counts a round trip, in the window only if it ended there. It returns
// false when the load is over.
func (r *recorder) record(sent, got time.Time) bool {
	r.total++
	if got.After(r.meter.end) {
		return false
	}
	if got.After(r.meter.begin) {
		r.ops++
		r.hist.Add(got.Sub(sent))
	}
	return true
}

// flush adds the share to the whole.
func (r *recorder) flush() {
	r.meter.mu.Lock()
	defer r.meter.mu.Unlock()
	r.meter.all.Merge(&r.hist)
	r.meter.total += r.total
	r.meter.ops += r.ops
}

// Workers runs as many goroutines as requests are in flight. Each gets a
// function of its own from newCall and calls it until the window ends: the way
// a program with many callers uses one connection.
func (m *Meter) Workers(ctx context.Context, newCall func() func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m.start()
	var wg sync.WaitGroup
	for range m.task.InFlight {
		call := newCall()
		wg.Go(func() {
			if err := m.worker(ctx, call); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	m.heap.stop()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("call: %w", err)
	}
	return nil
}

// worker is one goroutine of Workers.
func (m *Meter) worker(ctx context.Context, call func(context.Context) error) error {
	r := &recorder{meter: m}
	defer r.flush()
	for sent := time.Now(); ; {
		if err := call(ctx); err != nil {
			return err
		}
		got := time.Now()
		if !r.record(sent, got) {
			return nil
		}
		sent = got
	}
}

// errEcho means that a reply was not the request.
var errEcho = errors.New("the reply is not what was sent")

// Pipeline keeps the requests in flight from one goroutine: it writes the time
// into each payload, so replies need no table. It is the least that a client of
// a raw socket can do.
func (m *Meter) Pipeline(send func([]byte) error, recv func() ([]byte, error)) error {
	m.start()
	r := &recorder{meter: m}
	defer r.flush()
	defer m.heap.stop()
	epoch, buf := time.Now(), make([]byte, m.task.Size)
	for range m.task.InFlight {
		if err := send(stamp(buf, time.Since(epoch))); err != nil {
			return err
		}
	}
	for {
		reply, err := recv()
		if err != nil {
			return err
		}
		if len(reply) != len(buf) {
			return errEcho
		}
		got := time.Now()
		if !r.record(epoch.Add(stamped(reply)), got) {
			return nil
		}
		if err := send(stamp(buf, got.Sub(epoch))); err != nil {
			return err
		}
	}
}

// stamp writes a time into the first eight bytes.
func stamp(b []byte, d time.Duration) []byte {
	binary.LittleEndian.PutUint64(b, uint64(d))
	return b
}

// stamped reads it back.
func stamped(b []byte) time.Duration {
	return time.Duration(binary.LittleEndian.Uint64(b))
}

// result sums up.
func (m *Meter) result() Result {
	r := Result{
		Ops: m.ops, Total: m.total, Seconds: m.task.Window.Seconds(),
		P50: micros(m.all.Quantile(0.50)), P99: micros(m.all.Quantile(0.99)),
	}
	r.Allocs, r.Bytes = m.heap.per(m.ops)
	return r
}

// micros turns a duration into microseconds with a fraction.
func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
