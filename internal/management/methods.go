package management

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// Methods count the calls of each method. All methods may be called by any number
// of goroutines at once.
type Methods struct{ byName map[string]*method } // which never changes

// method counts the calls of one.
type method struct {
	inFlight atomic.Int64
	requests atomic.Uint64
	errors   sync.Map // of code to *atomic.Uint64
	latency  histogram
}

// NewMethods returns counters for handlers.
func NewMethods(handlers *reactor.Handlers) *Methods {
	m := &Methods{byName: map[string]*method{}}
	for _, md := range handlers.Methods() {
		m.byName[reactor.MethodName(md)] = new(method)
	}
	for _, name := range handlers.Types() {
		m.byName[name] = new(method)
	}
	return m
}

// Count is an interceptor that counts.
func (m *Methods) Count(next reactor.Invoker) reactor.Invoker {
	return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
		counters := m.byName[c.Name()]
		if counters == nil { // management
			return next(ctx, c)
		}
		began := time.Now()
		code := messaging.Internal // unless next returns
		counters.inFlight.Add(1)
		defer func() { counters.done(code, time.Since(began)) }()
		reply, err := next(ctx, c)
		code = messaging.CodeOf(err)
		return reply, err
	}
}

// done counts a call that ended.
func (m *method) done(code messaging.Code, took time.Duration) {
	m.inFlight.Add(-1)
	m.requests.Add(1)
	m.latency.add(took)
	if code == messaging.OK {
		return
	}
	count, ok := m.errors.Load(code)
	if !ok {
		count, _ = m.errors.LoadOrStore(code, new(atomic.Uint64))
	}
	count.(*atomic.Uint64).Add(1)
}

// stats returns the counters as they travel, ordered by name.
func (m *Methods) stats() (all []*mitterev1.MethodStats) {
	for _, name := range slices.Sorted(maps.Keys(m.byName)) {
		all = append(all, m.byName[name].stats(name))
	}
	return all
}

// stats returns the counters as they travel.
func (m *method) stats(name string) *mitterev1.MethodStats {
	stats := &mitterev1.MethodStats{
		Method: name, Requests: m.requests.Load(), InFlight: uint32(m.inFlight.Load()), Latency: m.latency.quantiles(),
	}
	m.errors.Range(func(code, count any) bool {
		stats.Errors = append(stats.Errors, &mitterev1.CodeCount{Code: code.(messaging.Code), Count: count.(*atomic.Uint64).Load()})
		return true
	})
	slices.SortFunc(stats.Errors, func(a, b *mitterev1.CodeCount) int { return cmp.Compare(a.GetCode(), b.GetCode()) })
	return stats
}
