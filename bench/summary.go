package main

import "slices"

// Spread is a figure over the rounds.
type Spread struct {
	// Median is the middle one.
	Median float64 `json:"median"`
	// Min is the least.
	Min float64 `json:"min"`
	// Max is the greatest.
	Max float64 `json:"max"`
}

// spread sums up some figures; there must be one.
func spread(v []float64) Spread {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return Spread{Median: (v[(n-1)/2] + v[n/2]) / 2, Min: v[0], Max: v[n-1]}
}

// Summary is a cell over all rounds.
type Summary struct {
	// Row is the name of the row.
	Row string `json:"row"`
	// System is the name of the system.
	System string `json:"system"`
	// Rounds is how many rounds gave a sample.
	Rounds int `json:"rounds"`
	// Rate is round trips or messages a second.
	Rate Spread `json:"rate"`
	// P50 is the median latency in microseconds, 0 where none is measured.
	P50 Spread `json:"p50_us"`
	// P99 is the 99th percentile of latency in microseconds.
	P99 Spread `json:"p99_us"`
	// CPU is the processor time of both processes for one op, in microseconds.
	CPU Spread `json:"cpu_us"`
	// Allocs is heap objects for one op in the client or subscriber, 0 in C.
	Allocs float64 `json:"allocs"`
	// Bytes is heap bytes for one op in the client or subscriber, 0 in C.
	Bytes float64 `json:"bytes"`
	// Published is how many ticks were sent in all rounds.
	Published uint64 `json:"published,omitempty"`
	// Received is how many of them came.
	Received uint64 `json:"received,omitempty"`
	// Ratio says how this cell's rate relates to each other system's, round by
	// round: the median of the quotients.
	Ratio map[string]float64 `json:"ratio,omitempty"`
}

// summarize sums up all cells that have samples.
func summarize(cells []*Cell) (all []Summary) {
	for _, c := range cells {
		if len(c.Samples) == 0 {
			continue
		}
		s := c.summary()
		for _, other := range cells {
			if other != c && other.Row == c.Row {
				s.relate(c, other)
			}
		}
		all = append(all, s)
	}
	return all
}

// summary sums up one cell, by itself.
func (c *Cell) summary() Summary {
	s := Summary{
		Row: c.Row, System: c.System, Rounds: len(c.Samples),
		Rate: c.over(func(s Sample) float64 { return s.Rate }),
		P50:  c.over(func(s Sample) float64 { return s.P50 }),
		P99:  c.over(func(s Sample) float64 { return s.P99 }),
		CPU:  c.over(func(s Sample) float64 { return s.CPU }),

		Allocs: c.over(func(s Sample) float64 { return s.Allocs }).Median,
		Bytes:  c.over(func(s Sample) float64 { return s.Bytes }).Median,
		Ratio:  map[string]float64{},
	}
	for _, sample := range c.Samples {
		if sample.Published > 0 {
			s.Published += sample.Published
			s.Received += sample.Total
		}
	}
	return s
}

// over is one figure over the rounds.
func (c *Cell) over(figure func(Sample) float64) Spread {
	v := make([]float64, len(c.Samples))
	for i, s := range c.Samples {
		v[i] = figure(s)
	}
	return spread(v)
}

// relate adds the ratio of c to another cell of its row. Cells with a failed
// round have no pairs; they have no ratio.
func (s *Summary) relate(c, other *Cell) {
	if len(c.Samples) != len(other.Samples) {
		return
	}
	v := make([]float64, len(c.Samples))
	for i := range v {
		v[i] = c.Samples[i].Rate / other.Samples[i].Rate
	}
	s.Ratio[other.System] = spread(v).Median
}
