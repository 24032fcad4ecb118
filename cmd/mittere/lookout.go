package main

import (
	"cmp"
	"context"
	"fmt"
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
	worker    *workerJSON          // in JSON, if it is one
	service   *brokeredServiceJSON // in JSON, if it is one
}

// look returns what there is.
type look func(context.Context) ([]sighting, error)

// watchBroker prints what is there and then each change until ctx ends, which is what
// the user wants, so no error. If the broker has not answered within the timeout, it
// says so. A broker does not tell of changes, so it is asked again and again.
func watchBroker(ctx context.Context, m *manager, p printer, timeout time.Duration, look look) error {
	l := &lookout{printer: p, endpoint: m.conn.Endpoint()}
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
	printer
	endpoint string
	known    map[string]sighting // nil before the first
	at       time.Time           // of the last; zero if there was none
	away     bool                // the last that was said of the broker
	said     time.Time           // when that was said
}

// saw tells what is different.
func (l *lookout) saw(now time.Time, seen []sighting) error {
	if l.away {
		l.away = false
		if err := l.print(now, "back", nil); err != nil {
			return err
		}
	}
	l.at = now
	kind := "put"
	if l.known == nil {
		kind = "there"
	}
	next := map[string]sighting{}
	for _, s := range seen {
		next[s.key] = s
	}
	for _, key := range slices.Sorted(maps.Keys(l.known)) {
		if _, ok := next[key]; !ok {
			gone := l.known[key]
			if err := l.print(now, "gone", &gone); err != nil {
				return err
			}
		}
	}
	for _, s := range seen {
		if l.known[s.key].line != s.line {
			if err := l.print(now, kind, &s); err != nil {
				return err
			}
		}
	}
	l.known = next
	return nil
}

// missed tells that the broker is away, if that was not said lately.
func (l *lookout) missed(now time.Time) error {
	if l.away && now.Sub(l.said) < stillAway {
		return nil
	}
	l.away, l.said = true, now
	return l.print(now, "away", nil)
}

// sightingJSON is an event in JSON.
type sightingJSON struct {
	Time       time.Time            `json:"time"`
	Event      string               `json:"event"`
	Broker     string               `json:"broker,omitempty"`
	Worker     *workerJSON          `json:"worker,omitempty"`
	Service    *brokeredServiceJSON `json:"service,omitempty"`
	AgeSeconds *float64             `json:"ageSeconds,omitempty"` // of what is known, when the broker is away
}

// print prints one event; s is nil if it is about the broker.
func (l *lookout) print(now time.Time, kind string, s *sighting) error {
	j := sightingJSON{Time: now, Event: kind}
	what := fmt.Sprintf("the broker at %s", printable(l.endpoint))
	switch {
	case s != nil:
		j.Worker, j.Service, what = s.worker, s.service, s.line
	case kind == "away" && l.at.IsZero():
		j.Broker, what = l.endpoint, what+" was not heard yet"
	case kind == "away":
		age := now.Sub(l.at)
		inSeconds := age.Seconds()
		j.Broker, j.AgeSeconds, what = l.endpoint, &inSeconds, fmt.Sprintf("%s cannot be reached; what is known is %s old", what, short(age))
	default:
		j.Broker = l.endpoint
	}
	if l.json() {
		return l.object(j)
	}
	return l.text(fmt.Sprintf("%s  %-9s  %s\n", now.Format("15:04:05.000"), kind, what))
}
