package management_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/internal/management"
)

// quantile returns that duration of sorted ones that a share of them does not
// exceed.
func quantile(sorted []time.Duration, share float64) time.Duration {
	return sorted[int(math.Ceil(share*float64(len(sorted))))-1]
}

// TestQuantilesAreWithinTenPercentOfTheTruth compares with the exact ones, for
// random durations of all sizes from a microsecond to a day.
func TestQuantilesAreWithinTenPercentOfTheTruth(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		var h management.Histogram
		var all []time.Duration
		var sum time.Duration
		least, width := math.Log(1e3)+random.Float64()*10, 0.01+random.Float64()*15
		for range 1 + random.IntN(3000) {
			d := min(time.Duration(math.Exp(least+width*random.Float64())), 24*time.Hour)
			h.Add(d)
			all, sum = append(all, d), sum+d
		}
		slices.Sort(all)
		p50, p90, p99, longest, added := h.Quantiles()
		for share, got := range map[float64]time.Duration{0.5: p50, 0.9: p90, 0.99: p99} {
			want := quantile(all, share)
			if off := math.Abs(float64(got)/float64(want) - 1); off > 0.1 {
				t.Fatalf("seed %d: quantile %v of %d durations is %v, want %v", seed, share, len(all), got, want)
			}
		}
		if longest != all[len(all)-1] || added != sum {
			t.Fatalf("seed %d: longest %v and sum %v, want %v and %v", seed, longest, added, all[len(all)-1], sum)
		}
	}
}

func TestQuantilesOfNothingAreZero(t *testing.T) {
	var h management.Histogram
	if p50, p90, p99, longest, sum := h.Quantiles(); p50+p90+p99+longest+sum != 0 {
		t.Errorf("got %v %v %v %v %v, want zeros", p50, p90, p99, longest, sum)
	}
}

func TestQuantilesTakeExtremeDurations(t *testing.T) {
	for _, d := range []time.Duration{-1, 0, 1, time.Microsecond, time.Microsecond + 1, 1 << 62, math.MaxInt64} {
		var h management.Histogram
		h.Add(d)
		if p50, _, _, longest, _ := h.Quantiles(); p50 > max(longest, 0) {
			t.Errorf("of %v alone: half are at most %v, and the longest is %v", d, p50, longest)
		}
	}
}

func TestQuantilesMayBeReadWhileDurationsAreCounted(t *testing.T) {
	var h management.Histogram
	var adders sync.WaitGroup
	for i := range 4 {
		adders.Go(func() {
			for range 1000 {
				h.Add(time.Duration(i+1) * time.Millisecond)
			}
		})
	}
	for range 100 {
		if p50, _, p99, longest, _ := h.Quantiles(); p50 > p99 || p99 > longest {
			t.Errorf("quantiles out of order: %v, %v, %v", p50, p99, longest)
		}
	}
	adders.Wait()
	if _, _, _, longest, sum := h.Quantiles(); longest != 4*time.Millisecond || sum != 10*time.Second {
		t.Errorf("longest %v and sum %v, want 4ms and 10s", longest, sum)
	}
}
