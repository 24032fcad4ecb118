package registry

import (
	"context"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// EventKind says what an [Event] tells.
type EventKind int

// The kinds of events.
const (
	// EventListed is an instance that is there when the watch begins.
	EventListed EventKind = iota + 1
	// EventPut is an instance that is new, or not what it was.
	EventPut
	// EventWithdrawn is an instance that was taken back.
	EventWithdrawn
	// EventExpired is an instance whose lease has ended.
	EventExpired
	// EventGone is an instance that went while the registry, or the connection, was lost.
	EventGone
	// EventLive comes when all that is there has been told, and changes will be: at the
	// beginning, and when the registry is back.
	EventLive
	// EventAway says that the registry is lost, or is none.
	EventAway
)

// Event is one thing that a watch tells; see [Client.Watch].
type Event struct {
	// Kind says what it is.
	Kind EventKind
	// Entry is the instance as it is now, or was last. It is shared and may not be changed.
	// It is nil if the event is about the registry.
	Entry *mitterev1.Entry
	// Lost says why the registry is away; nil for all other kinds.
	Lost error
}

// Watch tells of the instances of a name, of all if it is empty: first of those that are
// there, then of each change, also when the connection or the registry is lost and comes
// back. While a registry was never reached it tells nothing. It ends with ctx or with the
// client. If the loop is slower than the changes come, some of them are told as one.
func (c *Client) Watch(ctx context.Context, name string) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		ctx, cancel := c.ended(ctx)
		defer cancel()
		w, req := watch{}, &mitterev1.WatchRequest{Name: name}
		for ctx.Err() == nil {
			more, lost := c.watchOnce(ctx, req, func(resp *mitterev1.WatchResponse) bool { return yieldAll(w.take(resp), yield) })
			if !more || ctx.Err() != nil || !yieldAll(w.lose(lost), yield) {
				return
			}
			c.rest(ctx)
		}
	}
}

// yieldAll yields events, and reports whether more are wanted.
func yieldAll(events []Event, yield func(Event) bool) bool {
	for _, e := range events {
		if !yield(e) {
			return false
		}
	}
	return true
}

// watch is what a watch has told. It is pure state: news in, events out.
type watch struct {
	mirror mirror
	whole  bool // a table came, or a part of it, and was not told yet
	told   bool // the first table was told
	live   bool
	away   bool
}

// take returns what is to be told of news. A table that comes in parts is told when it is
// complete.
func (w *watch) take(resp *mitterev1.WatchResponse) (events []Event) {
	before := w.mirror.told.Entries
	w.whole = w.whole || resp.GetSnapshot() != nil
	if !w.mirror.apply(resp) {
		return nil
	}
	if w.whole {
		events = w.differences(before)
	} else if change := resp.GetChange(); change != nil {
		events = []Event{{Kind: changed(change.GetKind()), Entry: change.GetEntry()}}
	}
	if !w.live {
		events = append(events, Event{Kind: EventLive})
	}
	w.whole, w.told, w.live, w.away = false, true, true, false
	return events
}

// lose returns what is to be told of a registry that is lost.
func (w *watch) lose(why error) (events []Event) {
	if !w.away {
		events = []Event{{Kind: EventAway, Lost: why}}
	}
	w.live, w.away = false, true
	return events
}

// differences returns what is not as it was before.
func (w *watch) differences(before []*mitterev1.Entry) (events []Event) {
	now := w.mirror.told.Entries
	kind := EventListed
	if w.told {
		kind = EventPut
	}
	for _, entry := range before {
		if find(now, entry) == nil {
			events = append(events, Event{Kind: EventGone, Entry: entry})
		}
	}
	for _, entry := range now {
		if !proto.Equal(entry.GetInstance(), find(before, entry).GetInstance()) {
			events = append(events, Event{Kind: kind, Entry: entry})
		}
	}
	return events
}

// find returns the entry of the same name and id, nil if there is none.
func find(entries []*mitterev1.Entry, entry *mitterev1.Entry) *mitterev1.Entry {
	if i, found := slices.BinarySearchFunc(entries, entry, compareEntries); found {
		return entries[i]
	}
	return nil
}

// changed returns the kind of event that a kind of change is.
func changed(kind mitterev1.Change_Kind) EventKind {
	switch kind {
	case mitterev1.Change_KIND_WITHDRAWN:
		return EventWithdrawn
	case mitterev1.Change_KIND_EXPIRED:
		return EventExpired
	default:
		return EventPut
	}
}
