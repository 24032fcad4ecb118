package registry

import (
	"maps"
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
)

// Resolve returns the instances of a name, ordered by id. NOT_FOUND means that
// there is none.
func (t *Table) Resolve(now time.Time, name string) ([]*mitterev1.Entry, error) {
	entries := t.view(now, nil, name)
	if len(entries) == 0 {
		return nil, messaging.Errorf(messaging.NotFound, "no instance of %q", name)
	}
	return entries, nil
}

// List returns all instances, ordered by name and id.
func (t *Table) List(now time.Time) []*mitterev1.Entry {
	entries := make([]*mitterev1.Entry, 0, t.count)
	for _, name := range slices.Sorted(maps.Keys(t.names)) {
		entries = t.view(now, entries, name)
	}
	return entries
}

// Since returns what a watcher must hear that knows the table as it was at a
// revision of an epoch: the changes since then, in their order, or none if there
// were none. If it is a stranger, or too far behind, it hears one snapshot, which
// replaces all that it knew.
//
// With a name it is all about the instances of that name; an empty one is all
// names. The watcher's next call has the table's revision of now, which may be
// higher than that of the last change it heard.
func (t *Table) Since(now time.Time, epoch []byte, revision uint64, name string) []*mitterev1.WatchResponse {
	missed := t.revision - revision // is huge if revision is in the future
	if string(epoch) != string(t.epoch) || missed > uint64(len(t.history.changes)) {
		return []*mitterev1.WatchResponse{t.snapshot(now, name)}
	}
	return t.history.last(int(missed), name)
}

// snapshot returns the whole table, or a name's part of it, for a watcher. An
// instance that has ended is left out, though its end is not told yet: when it
// is, it is news of someone unknown.
func (t *Table) snapshot(now time.Time, name string) *mitterev1.WatchResponse {
	snapshot := &mitterev1.Snapshot{}
	if name == "" {
		snapshot.Entries = t.List(now)
	} else {
		snapshot.Entries = t.view(now, nil, name)
	}
	return &mitterev1.WatchResponse{Epoch: t.epoch, Revision: t.revision, Snapshot: snapshot}
}

// view appends the instances of a name.
func (t *Table) view(now time.Time, entries []*mitterev1.Entry, name string) []*mitterev1.Entry {
	for _, e := range t.names[name] {
		if t.live(now, e) {
			entries = append(entries, e.view(now))
		}
	}
	return entries
}

// view returns the entry as others see it.
func (e *entry) view(now time.Time) *mitterev1.Entry {
	view := &mitterev1.Entry{Instance: e.instance, LeaseNano: int64(e.lease), Revision: e.revision}
	if e.lease > 0 {
		view.LeftNano = int64(max(e.ends.Sub(now), 0))
	}
	return view
}
