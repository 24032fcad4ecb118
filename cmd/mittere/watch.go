package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mittere/mittere/registry"
)

// stillAway is how often a watch says that the registry, or the broker, is away.
const stillAway = 10 * time.Second

// watch prints what is there and then each change until ctx ends, which is what
// the user wants, so no error. If the registry has not answered within the timeout,
// it says so.
func watch(ctx context.Context, client *registry.Client, name string, p printer, timeout time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	events := make(chan registry.Event)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() {
		for e := range client.Watch(ctx, name) {
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
		}
	})
	w := &watcher{printer: p, what: "registry", endpoint: client.Endpoint()}
	late := time.NewTimer(cmp.Or(timeout, patience))
	defer late.Stop()
	for {
		var err error
		select {
		case e := <-events:
			err = w.hear(time.Now(), e)
		case <-late.C:
			err = w.missed(time.Now())
		case <-ctx.Done():
			return nil
		}
		if err != nil {
			return err
		}
		if late.Stop(); w.away {
			late.Reset(stillAway)
		}
	}
}

// hear prints an event of a registry.
func (w *watcher) hear(now time.Time, e registry.Event) error {
	if e.Kind == registry.EventAway {
		if !w.at.IsZero() {
			w.at = now // until when what is known was so
		}
		return w.missed(now)
	}
	if err := w.heard(now); err != nil || e.Kind == registry.EventLive {
		return err
	}
	words := map[registry.EventKind]string{
		registry.EventListed: "there", registry.EventGone: "gone", registry.EventWithdrawn: "withdrawn", registry.EventExpired: "expired",
	}
	v := viewEntry(e.Entry, 0)
	return w.tell(now, cmp.Or(words[e.Kind], "put"), lineOf(v.row("name id endpoints health dialect kind")), property{"instance", v})
}

// lineOf returns cells on one line.
func lineOf(cells []string) string {
	for i, cell := range cells {
		cells[i] = cmp.Or(printable(cell), "-")
	}
	return strings.Join(cells, "  ")
}

// watcher prints events of a registry or a broker.
type watcher struct {
	printer
	what     string // registry or broker
	endpoint string
	at       time.Time // until when what is known was so; zero if nothing is
	away     bool      // the last that was said of it
	said     time.Time // when that was said
}

// heard notes that it answers, and tells if it was away.
func (w *watcher) heard(now time.Time) error {
	w.at = now
	if !w.away {
		return nil
	}
	w.away = false
	return w.tell(now, "back", w.itself(), property{w.what, w.endpoint})
}

// missed tells that it is away, if that was not said lately.
func (w *watcher) missed(now time.Time) error {
	if w.away && now.Sub(w.said) < stillAway {
		return nil
	}
	w.away, w.said = true, now
	if w.at.IsZero() {
		return w.tell(now, "away", w.itself()+" was not heard yet", property{w.what, w.endpoint})
	}
	age := now.Sub(w.at)
	line := fmt.Sprintf("%s cannot be reached; what is known is %s old", w.itself(), short(age))
	return w.tell(now, "away", line, property{w.what, w.endpoint}, property{"ageSeconds", span(age)})
}

// itself returns what is watched, for people.
func (w *watcher) itself() string {
	return fmt.Sprintf("the %s at %s", w.what, printable(w.endpoint))
}

// tell prints one event: a line for people, and what it is about for programs.
func (w *watcher) tell(now time.Time, kind, line string, about ...property) error {
	if w.json() {
		return w.object(append(view{{"time", now}, {"event", kind}}, about...))
	}
	return w.text(fmt.Sprintf("%s  %-9s  %s\n", now.Format("15:04:05.000"), kind, line))
}
