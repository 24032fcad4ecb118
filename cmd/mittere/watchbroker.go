package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mittere/mittere/messaging"
)

// pollInterval is how often a watch of a broker asks it.
const pollInterval = time.Second

// item is one thing that a watch of a broker finds. Another line is a change.
type item struct {
	key, line string
	about     property // for programs
}

// poll returns what there is.
type poll func(context.Context) ([]item, error)

// watchBroker prints what is there and then each change until ctx ends, which is what
// the user wants, so no error. If the broker has not answered within the timeout, it
// says so. A broker does not tell of changes, so it is polled.
func watchBroker(ctx context.Context, m *manager, p printer, timeout time.Duration, ask poll) error {
	l := &poller{watcher: watcher{printer: p, what: "broker", endpoint: m.conn.Endpoint()}}
	again := time.NewTicker(pollInterval)
	defer again.Stop()
	for {
		limited, cancel := within(ctx, cmp.Or(timeout, patience))
		found, err := ask(limited)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && messaging.CodeOf(err) != messaging.Unavailable && messaging.CodeOf(err) != messaging.DeadlineExceeded:
			return err
		case err != nil:
			err = l.missed(time.Now())
		default:
			err = l.update(time.Now(), found)
		}
		if err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// poller prints what is different from what was there before.
type poller struct {
	watcher
	known map[string]item // nil before the first
}

// update tells what is different.
func (p *poller) update(now time.Time, found []item) error {
	if err := p.heard(now); err != nil {
		return err
	}
	kind := "put"
	if p.known == nil {
		kind = "there"
	}
	next := map[string]item{}
	for _, s := range found {
		next[s.key] = s
	}
	for _, key := range slices.Sorted(maps.Keys(p.known)) {
		if _, ok := next[key]; ok {
			continue
		}
		if err := p.tell(now, "gone", p.known[key].line, p.known[key].about); err != nil {
			return err
		}
	}
	for _, s := range found {
		if p.known[s.key].line != s.line {
			if err := p.tell(now, kind, s.line, s.about); err != nil {
				return err
			}
		}
	}
	p.known = next
	return nil
}
