package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// startTime is how long the processes of a cell may take beside the load.
const startTime = 20 * time.Second

// Settings are the lengths and sizes that all cells share.
type Settings struct {
	// Rounds is how often each cell is measured.
	Rounds int `json:"rounds"`
	// Warm is how long a load runs before it counts.
	Warm time.Duration `json:"warm_ns"`
	// Window is how long it counts.
	Window time.Duration `json:"window_ns"`
	// Size is the length of a payload in bytes.
	Size int `json:"size"`
	// Profiles is the directory for profiles of the Go systems, empty for none.
	Profiles string `json:"-"`
}

// Sample is one cell in one round.
type Sample struct {
	// Result is what the client or the subscriber measured.
	Result
	// Rate is ops a second.
	Rate float64 `json:"rate"`
	// CPU is the processor time of both processes for one op, in microseconds.
	CPU float64 `json:"cpu_us"`
	// Published is how many ticks were sent, for PatternTicks.
	Published uint64 `json:"published,omitempty"`
}

// measure runs one cell once.
func (s Settings) measure(ctx context.Context, sys System, row Row) (_ Sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.Warm+s.Window+startTime)
	defer cancel()
	p, err := startPair(ctx, sys, s.task(sys, row, false), s.task(sys, row, true))
	if err != nil {
		_, stopErr := p.stop()
		return Sample{}, errors.Join(err, stopErr)
	}
	r, published, err := p.results(ctx, row)
	cpu, stopErr := p.stop()
	if err := errors.Join(err, stopErr); err != nil {
		return Sample{}, err
	}
	return newSample(r, published, cpu), account(r, published, row)
}

// results waits for both ends, as far as they report.
func (p pair) results(ctx context.Context, row Row) (r Result, published uint64, err error) {
	if r, err = p.client.result(ctx); err != nil || row.Pattern != PatternTicks {
		return r, 0, err
	}
	sent, err := p.server.result(ctx)
	return r, sent.Total, err
}

// newSample puts a sample together.
func newSample(r Result, published uint64, cpu time.Duration) Sample {
	s := Sample{Result: r, Published: published}
	if r.Seconds > 0 {
		s.Rate = float64(r.Ops) / r.Seconds
	}
	s.CPU = micros(cpu) / float64(max(r.Total, 1))
	return s
}

// account checks that a cell says what its row promises.
func account(r Result, published uint64, row Row) error {
	switch {
	case r.Ops == 0:
		return errors.New("nothing was measured")
	case row.Pattern == PatternTicks && (r.Lost > 0 || r.Total != published):
		return fmt.Errorf("%d published, %d received, %d missing by number", published, r.Total, r.Lost)
	}
	return nil
}

// task is what one of the two processes is told.
func (s Settings) task(sys System, row Row, client bool) Task {
	t := Task{
		Pattern: row.Pattern, Role: role(row.Pattern, client), InFlight: row.InFlight,
		Warm: s.Warm, Window: s.Window, Size: s.Size,
	}
	if s.Profiles != "" {
		t.Profile = filepath.Join(s.Profiles, fmt.Sprintf("%s.%s.%s", sys.Name(), row.Name, t.Role))
	}
	return t
}

// role is the role of either end of a pattern.
func role(p Pattern, client bool) Role {
	if p == PatternTicks {
		return map[bool]Role{false: RolePublish, true: RoleSubscribe}[client]
	}
	return map[bool]Role{false: RoleServe, true: RoleCall}[client]
}
