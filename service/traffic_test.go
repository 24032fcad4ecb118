package service_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
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
	f     *fleet
	items atomic.Uint64 // the latest that was stored
	open  atomic.Int64  // calls that have not ended

	mu       sync.Mutex // guards what follows
	requests map[string]int
	replies  map[string]int
	errors   map[string]map[messaging.Code]int // typed ones, by kind of call
	samples  map[string]error                  // one of each kind and code
	faults   map[string][]string               // what may not be, by what it is
	stored   map[uint64]fate
	slowest  time.Duration
	seen     map[string]time.Time // when a client would last have called an instance
}

// fate is what a caller knows of an item.
type fate uint8

const (
	done    fate = iota // it was executed
	refused             // it was not, and never will be
	unknown
)

// drive makes calls while during runs, and gives an account of them.
func drive(f *fleet, during func()) *traffic {
	f.t.Helper()
	tr := &traffic{
		f: f, requests: map[string]int{}, replies: map[string]int{}, errors: map[string]map[messaging.Code]int{},
		samples: map[string]error{}, faults: map[string][]string{}, stored: map[uint64]fate{}, seen: map[string]time.Time{},
	}
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

// errWrong is the error of a call whose answer is not that to its request.
var errWrong = errors.New("wrong answer")

// one makes a call and accounts for it.
func (tr *traffic) one(kind string, c *service.Client, make func(context.Context, call.Caller, ...call.Option) error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	tr.open.Add(1)
	defer tr.open.Add(-1)
	began := time.Now()
	var timing call.Timing
	err := make(ctx, c, call.WithTiming(&timing))
	took := time.Since(began)

	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.requests[kind]++
	tr.slowest = max(tr.slowest, took)
	if took > callTime+time.Second {
		tr.fault("lost", "%s took %v: %v", kind, took, err)
	}
	if i, ended := tr.f.find(timing.Instance); timing.Instance != "" && (i == nil || i.Name != c.Name() || !ended.IsZero() && ended.Before(began)) {
		tr.fault("wrong", "a call of %s was answered by %s, which ended at %v", c.Name(), timing.Instance, ended)
	}
	switch typed := (*messaging.Error)(nil); {
	case err == nil:
		tr.replies[kind]++
	case errors.Is(err, errWrong):
		tr.fault("wrong", "%v", err)
	case errors.As(err, &typed):
		tr.failed(kind, began, err)
	default:
		tr.fault("untyped", "%s: %v of type %T", kind, err, err)
	}
}

// failed accounts for a typed error, under the lock.
func (tr *traffic) failed(kind string, began time.Time, err error) {
	code := messaging.CodeOf(err)
	if tr.errors[kind] == nil {
		tr.errors[kind] = map[messaging.Code]int{}
	}
	tr.errors[kind][code]++
	tr.samples[kind+" "+code.String()] = err
	if i := tr.f.deadIn(err.Error(), began.Add(-fleetLease)); i != nil {
		tr.fault("called when dead", "%s: %v", i.ID, err)
	}
}

// fault notes what may not be, under the lock.
func (tr *traffic) fault(what, format string, args ...any) {
	tr.faults[what] = append(tr.faults[what], fmt.Sprintf(format, args...))
}

// echo returns a call of Echo.
func (tr *traffic) echo(random *rand.Rand) func(context.Context, call.Caller, ...call.Option) error {
	text := strings.Repeat(fmt.Sprintf("%x.", random.Uint64()), 1+random.IntN(20))
	return func(ctx context.Context, c call.Caller, options ...call.Option) error {
		got, err := askEcho(ctx, c, text, options...)
		if err == nil && got != text {
			return fmt.Errorf("%w: %q to %q", errWrong, got, text)
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
		tr.note(request.GetItem(), err)
		if err == nil && got.GetTimes() != checksum(request.GetItem()) {
			return fmt.Errorf("%w: %v to item %d", errWrong, got, request.GetItem())
		}
		return err
	}
}

// note notes what the caller knows of an item.
func (tr *traffic) note(item uint64, err error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	switch {
	case err == nil:
		tr.stored[item] = done
	case messaging.Refused(err):
		tr.stored[item] = refused
	default:
		tr.stored[item] = unknown
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
				return fmt.Errorf("%w: number %d for %d", errWrong, r.GetNumber(), next)
			}
			next++
		}
		if next != limit+1 {
			return fmt.Errorf("%w: %d numbers of %d", errWrong, next-1, limit)
		}
		return nil
	}
}

// audit compares what callers know with what was executed, and when the clients
// would last have called those that were ended.
func (tr *traffic) audit() {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	times := tr.f.executed()
	for item, n := range times {
		if n > 1 {
			tr.fault("executed twice", "item %d was executed %d times", item, n)
		}
	}
	for item, fate := range tr.stored {
		switch {
		case fate == done && times[item] == 0:
			tr.fault("wrong", "item %d was answered and not executed", item)
		case fate == refused && times[item] > 0:
			tr.fault("executed though refused", "item %d", item)
		}
	}
	for _, i := range tr.f.dead() {
		if late := tr.seen[i.ID].Sub(i.struck); late > fleetLease {
			tr.fault("called when dead", "%s for %v", i.ID, late)
		}
	}
}

// sum adds up the values of a map.
func sum[K comparable](m map[K]int) (all int) {
	for _, n := range m {
		all += n
	}
	return all
}

// report prints the account and fails the test for what may not be.
func (tr *traffic) report(t testing.TB, what string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%-9s %10s %10s  typed errors\n", what, "", "requests", "replies")
	for _, kind := range slices.Sorted(maps.Keys(tr.requests)) {
		fmt.Fprintf(&b, "%-9s %10d %10d  %v\n", kind, tr.requests[kind], tr.replies[kind], tr.errors[kind])
	}
	for _, fault := range []string{"lost", "executed twice", "executed though refused", "wrong", "untyped", "called when dead"} {
		fmt.Fprintf(&b, "%s %d; ", fault, len(tr.faults[fault]))
	}
	fmt.Fprintf(&b, "slowest call %v; dead instances called for at most %v", tr.slowest.Round(time.Millisecond), tr.latest().Round(time.Millisecond))
	for kind, sample := range tr.samples {
		fmt.Fprintf(&b, "\n%s: %v", kind, sample)
	}
	t.Log(b.String())
	for what, all := range tr.faults {
		t.Errorf("%s: %d, such as %s", what, len(all), all[0])
	}
	if sum(tr.requests) == 0 {
		t.Error("no calls were made")
	}
}

// latest returns for how long a client would have called an instance that was
// ended.
func (tr *traffic) latest() (late time.Duration) {
	for _, i := range tr.f.dead() {
		late = max(late, tr.seen[i.ID].Sub(i.struck))
	}
	return late
}

// wantNoErrors checks that all calls of these kinds succeeded.
func (tr *traffic) wantNoErrors(t testing.TB, kinds ...string) {
	t.Helper()
	for _, kind := range kinds {
		if n := sum(tr.errors[kind]); n > 0 {
			t.Errorf("%d calls of %s failed", n, kind)
		}
	}
}
