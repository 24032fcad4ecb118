package serving

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mittere/mittere/internal/ratelog"
	"github.com/mittere/mittere/messaging"
)

// Road is what all sockets of a reactor have in common. Run is called once; all other methods may
// be called by any number of goroutines at once.
type Road struct {
	Config
	phases   // from Run on
	policy   policy
	stations []*Station
	members  []*member // of the stations, those at a broker
	stats    Counters
	activity activity
	pending  pending
	limited  *ratelog.Log
	running  atomic.Bool    // it has phases
	draining atomic.Bool    // no further requests are admitted
	withheld atomic.Bool    // nothing is offered to brokers for now
	readers  sync.WaitGroup // who give the schedule work
	senders  sync.WaitGroup // who empty the outboxes, and keep the sessions
}

// New returns a road that does nothing until Run.
func New(c Config, sockets []Socket) *Road {
	r := &Road{Config: c, policy: newPolicy(&c), pending: newPending(), limited: ratelog.New(c.Log)}
	r.policy.assign(c.Handlers.ByType)
	r.policy.assign(c.Handlers.ByMethod)
	r.activity.wanted = slices.ContainsFunc(c.Timers, func(t Timer) bool { return t.Idle })
	for _, socket := range sockets {
		r.stations = append(r.stations, newStation(r, socket))
	}
	return r
}

// Stats returns the counters.
func (r *Road) Stats() *Counters { return &r.stats }

// Run calls the start hooks, serves until ctx ends or a socket is closed, and then waits for
// what runs, for a bounded time.
func (r *Road) Run(ctx context.Context) error {
	defer r.joinNoMore()
	for _, hook := range r.Start {
		err := r.call(ctx, hook)
		if ctx.Err() != nil {
			return nil // stopped before it began
		}
		if err != nil {
			return fmt.Errorf("reactor: start: %w", err)
		}
	}
	r.phases = newPhases(ctx)
	r.running.Store(true)
	for _, s := range r.stations {
		s.start()
	}
	for _, t := range r.Timers {
		r.readers.Go(func() { r.tick(t) })
	}
	<-r.receiving.Done()
	return errors.Join(r.reason(ctx), r.finish())
}

// finish waits for what runs: receivers and timers, then handlers, then outboxes.
func (r *Road) finish() error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.readers.Wait()
		r.policy.finish()
		r.handled()
		r.senders.Wait()
	}()
	defer r.handled()
	defer endAfter(r.StopTimeout, r.giveUp)()
	defer endAfter(r.StopTimeout+r.LastWords, r.hangUp)()
	select {
	case <-ended:
		return nil
	case <-time.After(r.StopTimeout + r.Grace):
		return messaging.Errorf(messaging.DeadlineExceeded,
			"reactor: handlers still run %v after their contexts were cancelled", r.Grace)
	}
}

// giveUp ends the contexts of handlers, and refuses what waits for one.
func (r *Road) giveUp(why error) {
	r.abandon(why)
	r.policy.expel()
}

// quits reports whether no further session is to be begun.
func (r *Road) quits() bool { return r.draining.Load() || r.stopping() }
