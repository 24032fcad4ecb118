package service

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// methods counts the calls of each method. The map never changes.
type methods struct{ byName map[string]*method }

// method counts the calls of one.
type method struct {
	inFlight atomic.Int64
	requests atomic.Uint64
	errors   sync.Map // of code to *atomic.Uint64
	latency  histogram
}

// newMethods returns counters for handlers.
func newMethods(handlers *reactor.Handlers) *methods {
	m := &methods{byName: map[string]*method{}}
	for _, md := range handlers.Methods() {
		m.byName[reactor.MethodName(md)] = new(method)
	}
	for _, name := range handlers.Types() {
		m.byName[name] = new(method)
	}
	return m
}

// count is an interceptor that counts.
func (m *methods) count(next reactor.Invoker) reactor.Invoker {
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

// histogram counts durations in buckets that grow by a fifth, so that a quantile
// is within 10 percent of the truth, from a microsecond to a day.
type histogram struct {
	buckets [buckets]atomic.Uint64
	longest atomic.Int64
	sum     atomic.Int64
}

const (
	// growth is by what a bucket is wider than the one before.
	growth = 1.2
	// buckets reach from a microsecond to more than a day.
	buckets = 140
)

// add counts a duration.
func (h *histogram) add(d time.Duration) {
	h.buckets[bucketOf(d)].Add(1)
	h.sum.Add(int64(d))
	for longest := h.longest.Load(); int64(d) > longest && !h.longest.CompareAndSwap(longest, int64(d)); {
		longest = h.longest.Load()
	}
}

// bucketOf returns the bucket of a duration.
func bucketOf(d time.Duration) int {
	if d <= time.Microsecond {
		return 0
	}
	return min(int(math.Log(float64(d)/float64(time.Microsecond))/math.Log(growth))+1, buckets-1)
}

// middleOf returns the geometric mean of a bucket's ends.
func middleOf(bucket int) time.Duration {
	if bucket == 0 {
		return time.Microsecond
	}
	return time.Duration(float64(time.Microsecond) * math.Pow(growth, float64(bucket)-0.5))
}

// quantiles returns the usual ones. Durations that are counted meanwhile may be in
// some of them and not in others.
func (h *histogram) quantiles() *mitterev1.Quantiles {
	var counts [buckets]uint64
	var all uint64
	for i := range counts {
		counts[i] = h.buckets[i].Load()
		all += counts[i]
	}
	at := func(share float64) int64 {
		var below uint64
		for i, count := range counts {
			if below += count; count > 0 && float64(below) >= share*float64(all) {
				return min(int64(middleOf(i)), h.longest.Load())
			}
		}
		return 0
	}
	return &mitterev1.Quantiles{
		P50Nano: at(0.5), P90Nano: at(0.9), P99Nano: at(0.99), MaxNano: h.longest.Load(), SumNano: h.sum.Load(),
	}
}
