package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mittere/mittere/messaging"
)

// lookAgain is how often a watch of a broker looks.
const lookAgain = time.Second

// sighting is what a watch of a broker sees of one thing. Another line is a change.
type sighting struct {
	key, line string
	about     property // for programs
}

// look returns what there is.
type look func(context.Context) ([]sighting, error)

// watchBroker prints what is there and then each change until ctx ends, which is what
// the user wants, so no error. If the broker has not answered within the timeout, it
// says so. A broker does not tell of changes, so it is asked again and again.
func watchBroker(ctx context.Context, m *manager, p printer, timeout time.Duration, look look) error {
	l := &lookout{watcher: watcher{printer: p, what: "broker", endpoint: m.conn.Endpoint()}}
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		limited, cancel := within(ctx, cmp.Or(timeout, patience))
		seen, err := look(limited)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && messaging.CodeOf(err) != messaging.Unavailable && messaging.CodeOf(err) != messaging.DeadlineExceeded:
			return err
		case err != nil:
			err = l.missed(time.Now())
		default:
			err = l.saw(time.Now(), seen)
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

// lookout prints what is different from what was seen before.
type lookout struct {
	watcher
	known map[string]sighting // nil before the first
}

// saw tells what is different.
func (l *lookout) saw(now time.Time, seen []sighting) error {
	if err := l.heard(now); err != nil {
		return err
	}
	kind := "put"
	if l.known == nil {
		kind = "there"
	}
	next := map[string]sighting{}
	for _, s := range seen {
		next[s.key] = s
	}
	for _, key := range slices.Sorted(maps.Keys(l.known)) {
		if _, ok := next[key]; ok {
			continue
		}
		if err := l.tell(now, "gone", l.known[key].line, l.known[key].about); err != nil {
			return err
		}
	}
	for _, s := range seen {
		if l.known[s.key].line != s.line {
			if err := l.tell(now, kind, s.line, s.about); err != nil {
				return err
			}
		}
	}
	l.known = next
	return nil
}
