package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/store"

	"github.com/mittere/mittere/registry"
)

// stillAway is how often a watch says that the registry is away.
const stillAway = 10 * time.Second

// watch prints what is there and then each change until ctx ends, which is what
// the user wants, so no error. If the registry has not answered within the timeout,
// it says so.
func watch(ctx context.Context, client *registry.Client, name string, p printer, timeout time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	news := make(chan *mitterev1.WatchResponse)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() {
		for one := range client.Watch(ctx, name) {
			select {
			case news <- one:
			case <-ctx.Done():
				return
			}
		}
	})
	// What a watch tells are changes; whether the registry is there a follower knows.
	f := client.Follow(name)
	defer f.Close()
	w := &watcher{printer: p, endpoint: client.Endpoint(), table: table{entries: map[store.Key]*mitterev1.Entry{}}}
	return w.run(ctx, f, news, cmp.Or(timeout, patience))
}

// watcher prints events.
type watcher struct {
	printer
	endpoint string
	table    table
	away     bool // the last that was said of the registry
}

// run prints events until ctx ends.
func (w *watcher) run(ctx context.Context, f *registry.Follower, news <-chan *mitterev1.WatchResponse, timeout time.Duration) error {
	late := time.NewTimer(timeout)
	defer late.Stop()
	for changed := f.Changed(); ; {
		var err error
		select {
		case one := <-news:
			err = w.tell(w.table.apply(one))
		case <-changed:
			changed = f.Changed() // before the view, or a change in between is missed
			err = w.look(f.View(), late)
		case <-late.C:
			late.Reset(stillAway)
			err = w.look(f.View(), nil)
		case <-ctx.Done():
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// look tells whether the registry is there, if that is news: late is nil when the
// time has come to say that it still is not.
func (w *watcher) look(view registry.View, late *time.Timer) error {
	switch {
	case view.Live && w.away:
		w.away = false
		return w.print(event{kind: "back"})
	case !view.Live && (late == nil || !w.away):
		w.away = true
		if late != nil {
			late.Reset(stillAway)
		}
		return w.print(event{kind: "away", at: view.At})
	default:
		return nil
	}
}

// tell prints events.
func (w *watcher) tell(events []event) error {
	for _, e := range events {
		if err := w.print(e); err != nil {
			return err
		}
	}
	return nil
}

// print prints one event.
func (w *watcher) print(e event) error {
	now := time.Now()
	if w.json() {
		return w.object(w.asJSON(e, now))
	}
	what := ""
	switch {
	case e.entry != nil:
		what = entryLine(e.entry)
	case e.kind == "away" && e.at.IsZero():
		what = fmt.Sprintf("the registry at %s was not heard yet", printable(w.endpoint))
	case e.kind == "away":
		what = fmt.Sprintf("the registry at %s cannot be reached; what is known is %s old", printable(w.endpoint), short(now.Sub(e.at)))
	default:
		what = fmt.Sprintf("the registry at %s", printable(w.endpoint))
	}
	return w.text(fmt.Sprintf("%s  %-9s  %s\n", now.Format("15:04:05.000"), e.kind, what))
}

// entryLine returns an instance on one line.
func entryLine(entry *mitterev1.Entry) string {
	i := entry.GetInstance()
	parts := []string{i.GetName(), i.GetId(), endpointsText(i), healthName(i.GetHealth()), dialectName(i.GetDialect()), kindName(i.GetKind())}
	for n, part := range parts {
		parts[n] = printable(part)
	}
	return strings.Join(parts, "  ")
}

// eventJSON is an event in JSON.
type eventJSON struct {
	Time       time.Time  `json:"time"`
	Event      string     `json:"event"`
	Registry   string     `json:"registry,omitempty"`
	Instance   *entryJSON `json:"instance,omitempty"`
	AgeSeconds *float64   `json:"ageSeconds,omitempty"` // of what is known, when the registry is away
}

// asJSON returns an event for JSON.
func (w *watcher) asJSON(e event, now time.Time) eventJSON {
	j := eventJSON{Time: now, Event: e.kind}
	if e.entry != nil {
		instance := newEntryJSON(e.entry, 0)
		j.Instance = &instance
		return j
	}
	j.Registry = w.endpoint
	if !e.at.IsZero() {
		age := now.Sub(e.at).Seconds()
		j.AgeSeconds = &age
	}
	return j
}

// event is one line of a watch.
type event struct {
	kind  string
	entry *mitterev1.Entry // nil if it is about the registry
	at    time.Time        // when the registry was last heard; zero if it never was
}

// table is what a watch has told. It is pure state: news in, events out.
type table struct {
	entries map[store.Key]*mitterev1.Entry
	next    map[store.Key]*mitterev1.Entry // a whole table that comes in parts; nil if none does
	known   bool                           // the first table was told
}

// apply returns what a watch tells of news.
func (t *table) apply(one *mitterev1.WatchResponse) []event {
	change := one.GetChange()
	switch {
	case one.GetSnapshot() != nil:
		t.next = map[store.Key]*mitterev1.Entry{}
		for _, entry := range one.GetSnapshot().GetEntries() {
			t.next[store.KeyOf(entry)] = entry
		}
	case change != nil && t.next != nil:
		t.next[store.KeyOf(change.GetEntry())] = change.GetEntry()
	case change != nil:
		return []event{t.change(change)}
	}
	if t.next == nil || one.GetEpoch() == nil { // nothing, or not all yet
		return nil
	}
	return t.replace()
}

// change applies one change.
func (t *table) change(change *mitterev1.Change) event {
	key := store.KeyOf(change.GetEntry())
	if change.GetKind() == mitterev1.Change_KIND_PUT {
		t.entries[key] = change.GetEntry()
	} else {
		delete(t.entries, key)
	}
	kind := strings.ToLower(strings.TrimPrefix(change.GetKind().String(), "KIND_"))
	return event{kind: kind, entry: change.GetEntry()}
}

// replace makes the table the one that has come, and returns what is different.
func (t *table) replace() (events []event) {
	kind := "there"
	if t.known {
		kind = "put"
	}
	for _, key := range sortedKeys(t.entries) {
		if t.next[key] == nil {
			events = append(events, event{kind: "gone", entry: t.entries[key]})
		}
	}
	for _, key := range sortedKeys(t.next) {
		if entry := t.next[key]; !proto.Equal(entry.GetInstance(), t.entries[key].GetInstance()) {
			events = append(events, event{kind: kind, entry: entry})
		}
	}
	t.entries, t.next, t.known = t.next, nil, true
	return events
}

// sortedKeys returns the keys in order of name and id.
func sortedKeys(entries map[store.Key]*mitterev1.Entry) []store.Key {
	return slices.SortedFunc(maps.Keys(entries), func(a, b store.Key) int {
		return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID)
	})
}
