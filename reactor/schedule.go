package reactor

import (
	"context"
	"hash/maphash"
	"sync"
)

// scheduler decides when and where jobs run.
type scheduler interface {
	// do runs a job or puts it in a queue, in order with others of its key. It
	// waits while there is no place; false means that ctx ended first.
	do(ctx context.Context, key string, job func()) bool
	// finish waits until all jobs have run; do is not called any more.
	finish()
}

// newScheduler returns a pool, or for no workers one turn for all. Where nothing
// is received but what goes through a gate, a pool would have nothing to do.
func newScheduler(workers int, pooled bool) scheduler {
	switch {
	case workers == 0:
		return newTurn()
	case !pooled:
		return loose{}
	default:
		return newPool(workers)
	}
}

// loose runs jobs at once, on the goroutine that brings them: those are hooks.
type loose struct{}

func (loose) do(ctx context.Context, _ string, job func()) bool {
	if ctx.Err() != nil {
		return false
	}
	job()
	return true
}

func (loose) finish() {}

// turn runs one job at a time on the goroutine that brings it, which spares a
// message the way through a queue. It holds a token while no job runs.
type turn chan struct{}

// newTurn returns a free turn.
func newTurn() turn {
	t := make(turn, 1)
	t <- struct{}{}
	return t
}

func (t turn) do(ctx context.Context, _ string, job func()) bool {
	select {
	case <-t:
	case <-ctx.Done():
		return false
	}
	defer func() { t <- struct{}{} }()
	job()
	return true
}

func (t turn) finish() {}

// pool runs jobs on a fixed number of goroutines. Each has a queue of its own
// for the keys that fall to it, and all share one for jobs without key.
type pool struct {
	own     []chan func()
	shared  chan func()
	seed    maphash.Seed
	workers sync.WaitGroup
}

// newPool returns a pool whose goroutines run.
func newPool(workers int) *pool {
	p := &pool{shared: make(chan func(), DefaultQueue), seed: maphash.MakeSeed()}
	for range workers {
		own := make(chan func(), DefaultQueue)
		p.own = append(p.own, own)
		p.workers.Go(func() { p.work(own) })
	}
	return p
}

func (p *pool) do(ctx context.Context, key string, job func()) bool {
	queue := p.shared
	if key != "" {
		queue = p.own[maphash.String(p.seed, key)%uint64(len(p.own))]
	}
	select {
	case queue <- job:
		return true
	case <-ctx.Done():
		return false
	}
}

// work runs jobs until both queues are closed and empty.
func (p *pool) work(own <-chan func()) {
	shared := (<-chan func())(p.shared)
	for own != nil || shared != nil {
		select {
		case job, open := <-own:
			if !open {
				own = nil
				continue
			}
			job()
		case job, open := <-shared:
			if !open {
				shared = nil
				continue
			}
			job()
		}
	}
}

func (p *pool) finish() {
	close(p.shared)
	for _, own := range p.own {
		close(own)
	}
	p.workers.Wait()
}
