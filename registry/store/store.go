package store

import (
	"context"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Store keeps the entries of a registry beyond its process. Leases are kept by
// their length: renewals are not written, and an entry that is loaded again has
// its whole lease before it.
//
// All methods may be called at once from any goroutine. Of two calls for the
// same key that overlap, either may be the last; a caller that needs an order waits for
// the first one. Every error is a *message.Error: CANCELLED or DEADLINE_EXCEEDED if
// the context ended, INVALID_ARGUMENT for an entry that cannot be kept,
// DATA_LOSS if what is kept is damaged, RESOURCE_EXHAUSTED if there is no more
// room, and UNAVAILABLE if the store cannot be reached or is closed; one that is
// closed is also net.ErrClosed.
//
// After an error other than INVALID_ARGUMENT a write may have been made or not.
// The conformance suite is registry/storetest.
type Store interface {
	// Load returns all entries, in no particular order. They are the caller's.
	Load(ctx context.Context) ([]*mitterev1.Entry, error)
	// Put keeps entries, each in place of that of the same name and id: all of
	// them or none. When it returns, they are kept. They remain the caller's; the
	// store does not hold on to them.
	Put(ctx context.Context, entries ...*mitterev1.Entry) error
	// Delete removes entries: all of them or none. One that is not there is no
	// error.
	Delete(ctx context.Context, keys ...Key) error
	// Close ends the store when the calls under way have ended. A second call does
	// nothing.
	Close() error
}

// Key tells an entry from all others.
type Key struct {
	// Name is the instance's name.
	Name string
	// ID tells it from the others of its name.
	ID string
}

// KeyOf returns the key of an entry.
func KeyOf(entry *mitterev1.Entry) Key {
	return Key{Name: entry.GetInstance().GetName(), ID: entry.GetInstance().GetId()}
}

// Save brings changes of a table into a store, in as few writes as it can: of
// several changes of an instance the last one counts. Writes are slow, so
// collect the changes that happen while one is under way, and save them at once.
// Calls from more than one goroutine would lose the order of the changes.
func Save(ctx context.Context, store Store, changes ...*mitterev1.WatchResponse) error {
	last := map[Key]*mitterev1.Change{}
	for _, change := range changes {
		last[KeyOf(change.GetChange().GetEntry())] = change.GetChange()
	}
	var puts []*mitterev1.Entry
	var deletes []Key
	for key, change := range last {
		if change.GetKind() == mitterev1.Change_KIND_PUT {
			puts = append(puts, change.GetEntry())
		} else {
			deletes = append(deletes, key)
		}
	}
	if len(puts) > 0 {
		if err := store.Put(ctx, puts...); err != nil {
			return err
		}
	}
	if len(deletes) == 0 {
		return nil
	}
	return store.Delete(ctx, deletes...)
}
