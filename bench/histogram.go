package main

import (
	"math/bits"
	"time"
)

// subBits makes 64 buckets of each power of two: a value is off by less than 1 %.
const subBits = 6

// Histogram counts durations in buckets that grow with the value, from 1 ns to
// 2^63 ns. The zero value is empty and ready; it is not safe for concurrent use.
type Histogram struct {
	counts [(64 - subBits) << subBits]uint64
	n      uint64
}

// bucket returns the index of a duration: its highest set bit and the six below.
func bucket(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < 1<<subBits {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - subBits
	return (shift+1)<<subBits + int(v>>shift&(1<<subBits-1))
}

// middle returns the duration in the middle of a bucket.
func middle(i int) time.Duration {
	if i < 1<<subBits {
		return time.Duration(i)
	}
	shift := i>>subBits - 1
	low := uint64(1<<subBits+i&(1<<subBits-1)) << shift
	return time.Duration(low + 1<<shift/2)
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(d)]++
	h.n++
}

// Merge adds all that another histogram counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.n += o.n
}

// Quantile returns the duration that the share q of all does not exceed, 0 if
// there is none.
func (h *Histogram) Quantile(q float64) time.Duration {
	want, seen := uint64(q*float64(h.n)), uint64(0)
	for i, c := range h.counts {
		if seen += c; seen > want {
			return middle(i)
		}
	}
	return 0
}
