package management

import (
	"math"
	"sync/atomic"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

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
