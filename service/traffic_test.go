package service_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

const (
	// callers is how many calls are made at once.
	callers = 64
	// callTime is how long each of them may take; a second later it is lost.
	callTime = 5 * time.Second
)

// traffic is calls to a fleet, each of which is accounted for.
type traffic struct {
	*faulttest.Tally
	f     *fleet
	items atomic.Uint64 // the latest that was stored

	mu   sync.Mutex           // guards what follows
	seen map[string]time.Time // when a client would last have called an instance
}

// drive makes calls while during runs, and gives an account of them.
func drive(f *fleet, during func()) *traffic {
	f.t.Helper()
	tr := &traffic{Tally: faulttest.NewTally(), f: f, seen: map[string]time.Time{}}
	stop := make(chan struct{})
	var callersEnd, watcherEnd sync.WaitGroup
	watched := make(chan struct{})
	watcherEnd.Go(func() { tr.watch(watched) })
	for i := range callers {
		callersEnd.Go(func() { tr.caller(uint64(i), f.clients[i%len(f.clients)], stop) })
	}
	during()
	close(stop)
	ended := make(chan struct{})
	go func() { callersEnd.Wait(); close(ended) }()
	receive(f.t, "the end of all calls", ended)
	tr.awaitOblivion()
	close(watched)
	watcherEnd.Wait()
	tr.audit()
	return tr
}

// watch notes which instances the clients would call.
func (tr *traffic) watch(end <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, c := range tr.f.clients {
			tr.see(ready(c))
		}
		select {
		case <-tick.C:
		case <-end:
			return
		}
	}
}

// see notes that instances would be called.
func (tr *traffic) see(ids []string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, id := range ids {
		tr.seen[id] = time.Now()
	}
}

// awaitOblivion waits until no client knows an instance that was ended: a lease
// and a little more.
func (tr *traffic) awaitOblivion() {
	tr.f.t.Helper()
	eventually(tr.f.t, "the dead are forgotten", func() bool {
		for _, c := range tr.f.clients {
			for _, m := range c.Members() {
				if _, ended := tr.f.find(m.Instance.GetId()); !ended.IsZero() {
					return false
				}
			}
		}
		return true
	})
}

// caller makes one call after the other.
func (tr *traffic) caller(seed uint64, c *service.Client, stop <-chan struct{}) {
	random := rand.New(rand.NewPCG(seed, 1))
	for {
		select {
		case <-stop:
			return
		default:
		}
		switch dice := random.IntN(10); {
		case dice < 5:
			tr.one("Echo", c, tr.echo(random))
		case dice < 9:
			tr.one("Store", c, tr.store(random))
		default:
			tr.one("Numbers", c, tr.numbers(random))
		}
	}
}

// one makes a call and accounts for it.
func (tr *traffic) one(kind string, c *service.Client, make func(context.Context, call.Caller, ...call.Option) error) {
	began := time.Now()
	var timing call.Timing
	err := tr.One(kind, callTime, func(ctx context.Context) error { return make(ctx, c, call.WithTiming(&timing)) })
	if i, ended := tr.f.find(timing.Instance); timing.Instance != "" && (i == nil || i.Name != c.Name() || !ended.IsZero() && ended.Before(began)) {
		tr.Fault(faulttest.Wrong, "a call of %s was answered by %s, which ended at %v", c.Name(), timing.Instance, ended)
	}
	if err == nil {
		return
	}
	if i := tr.f.deadIn(err.Error(), began.Add(-fleetLease)); i != nil {
		tr.Fault(faulttest.WhenDead, "%s: %v", i.ID, err)
	}
}

// echo returns a call of Echo.
func (tr *traffic) echo(random *rand.Rand) func(context.Context, call.Caller, ...call.Option) error {
	text := strings.Repeat(fmt.Sprintf("%x.", random.Uint64()), 1+random.IntN(20))
	return func(ctx context.Context, c call.Caller, options ...call.Option) error {
		got, err := askEcho(ctx, c, text, options...)
		if err == nil && got != text {
			return fmt.Errorf("%w: %q to %q", faulttest.ErrWrong, got, text)
		}
		return err
	}
}

// store returns a call of Store, one of which in 20 lasts long enough to be there
// when its instance stops.
func (tr *traffic) store(random *rand.Rand) func(context.Context, call.Caller, ...call.Option) error {
	request := &testv1.StoreRequest{Item: tr.items.Add(1), TakesMs: uint32(random.IntN(20))}
	if random.IntN(20) == 0 {
		request.TakesMs = 300
	}
	return func(ctx context.Context, c call.Caller, options ...call.Option) error {
		got, err := call.Unary[*testv1.StoreResponse](ctx, c, storeMethod, request, options...)
		tr.Store(request.GetItem(), err)
		if err == nil && got.GetTimes() != faulttest.Checksum(request.GetItem()) {
			return fmt.Errorf("%w: %v to item %d", faulttest.ErrWrong, got, request.GetItem())
		}
		return err
	}
}

// numbers returns a call of Numbers, with a small window at times.
func (tr *traffic) numbers(random *rand.Rand) func(context.Context, call.Caller, ...call.Option) error {
	limit, window := uint64(1+random.IntN(50)), 1+random.IntN(20)
	return func(ctx context.Context, c call.Caller, options ...call.Option) error {
		next := uint64(1)
		request := &testv1.NumbersRequest{Limit: limit}
		for r, err := range call.Stream[*testv1.NumbersResponse](ctx, c, numbersMethod, request, append(options, call.WithWindow(window))...) {
			switch {
			case err != nil:
				return err
			case r.GetNumber() != next:
				return fmt.Errorf("%w: number %d for %d", faulttest.ErrWrong, r.GetNumber(), next)
			}
			next++
		}
		if next != limit+1 {
			return fmt.Errorf("%w: %d numbers of %d", faulttest.ErrWrong, next-1, limit)
		}
		return nil
	}
}

// audit compares what callers know with what was executed, and when the clients
// would last have called those that were ended.
func (tr *traffic) audit() {
	tr.Audit(faulttest.Executed(tr.f.t, tr.f.dir))
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, i := range tr.f.dead() {
		if late := tr.seen[i.ID].Sub(i.struck); late > fleetLease {
			tr.Fault(faulttest.WhenDead, "%s for %v", i.ID, late)
		}
	}
}

// report prints the account and fails the test for what may not be.
func (tr *traffic) report(t testing.TB, what string) {
	t.Helper()
	tr.Report(t, what, fmt.Sprintf("dead instances called for at most %v", tr.latest().Round(time.Millisecond)))
}

// latest returns for how long a client would have called an instance that was
// ended.
func (tr *traffic) latest() (late time.Duration) {
	for _, i := range tr.f.dead() {
		late = max(late, tr.seen[i.ID].Sub(i.struck))
	}
	return late
}
