package main

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Cell is one system in one row: a sample of each round, in order.
type Cell struct {
	// Row is the name of the row.
	Row string
	// System is the name of the system.
	System string
	// Samples holds one sample a round.
	Samples []Sample
}

// runner measures cells and tells how far it is.
type runner struct {
	settings Settings
	rows     []Row
	systems  []System
	progress io.Writer
}

// run measures every cell in every round. A cell that fails is named in the
// error and misses a sample; only the end of ctx ends the run.
func (r runner) run(ctx context.Context) ([]*Cell, error) {
	cells, failed := map[[2]string]*Cell{}, []error(nil)
	var order []*Cell
	for _, row := range r.rows {
		for _, sys := range takers(r.systems, row) {
			c := &Cell{Row: row.Name, System: sys.Name()}
			cells[[2]string{c.Row, c.System}] = c
			order = append(order, c)
		}
	}
	for round := range r.settings.Rounds {
		for _, row := range r.rows {
			err := r.turn(ctx, round, row, func(sys System, s Sample) {
				c := cells[[2]string{row.Name, sys.Name()}]
				c.Samples = append(c.Samples, s)
			})
			if ctx.Err() != nil {
				return order, ctx.Err()
			}
			failed = append(failed, err)
		}
	}
	return order, errors.Join(failed...)
}

// turn measures a row with each system, beginning with another one each round,
// so that none always runs after the same.
func (r runner) turn(ctx context.Context, round int, row Row, keep func(System, Sample)) error {
	systems := takers(r.systems, row)
	var failed []error
	for i := range systems {
		sys := systems[(i+round)%len(systems)]
		sample, err := r.settings.measure(ctx, sys, row)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.tell(round, row, sys, sample, err)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s %s: %w", row.Name, sys.Name(), err))
			continue
		}
		keep(sys, sample)
	}
	return errors.Join(failed...)
}

// tell writes the progress line of a cell.
func (r runner) tell(round int, row Row, sys System, s Sample, err error) {
	head := fmt.Sprintf("round %d/%d  %-12s %-9s", round+1, r.settings.Rounds, row.Name, sys.Name())
	switch {
	case err != nil:
		fmt.Fprintf(r.progress, "%s  failed: %v\n", head, err)
	case row.Pattern == PatternTicks:
		fmt.Fprintf(r.progress, "%s  %10.0f/s  %d published, %d received\n", head, s.Rate, s.Published, s.Total)
	default:
		fmt.Fprintf(r.progress, "%s  %10.0f/s  p50 %.0f us, p99 %.0f us\n", head, s.Rate, s.P50, s.P99)
	}
}

// takers returns the systems that have a row's pattern.
func takers(all []System, row Row) (some []System) {
	for _, s := range all {
		if s.Takes(row.Pattern) {
			some = append(some, s)
		}
	}
	return some
}
