package storetest

import (
	"fmt"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

// RunDurable tests what a store does that keeps its entries when it is closed,
// and all that Run tests. place makes a new, empty place and returns a function
// that opens it, which is called again after each close.
func RunDurable(t *testing.T, place func(t *testing.T) (open func() (registry.Store, error))) {
	Run(t, func(t *testing.T) registry.Store {
		store, err := place(t)()
		if err != nil {
			t.Fatal(err)
		}
		return store
	})
	t.Run("entries are there when it is opened again", func(t *testing.T) { reopen(t, place(t)) })
	t.Run("restored table gives every instance a full lease", func(t *testing.T) { restore(t, place(t)) })
}

func reopen(t *testing.T, open func() (registry.Store, error)) {
	want := map[registry.Key]*mitterev1.Entry{}
	for round := range uint64(5) {
		store, err := open()
		if err != nil {
			t.Fatal(err)
		}
		s := &suite{T: t, store: store, want: want}
		s.check()
		s.puts(Entry("always", "1", round), Entry("once", fmt.Sprint(round), round), Entry("gone", "1", round))
		s.deletes(registry.Key{Name: "gone", ID: "1"})
		s.check()
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// restore brings a table through a store into another table.
func restore(t *testing.T, open func() (registry.Store, error)) {
	first, now := table(t, "first"), time.Unix(1e9, 0)
	_, leased, err := first.Register(now, Entry("calc", "1", 0).Instance, 0, registry.Owner{Token: []byte("token")})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := first.RegisterPlain(now, "old", "127.0.0.1", 5100)
	if err != nil {
		t.Fatal(err)
	}
	withStore(t, open, func(s registry.Store) error {
		return registry.Save(t.Context(), s, first.ForStore(leased), first.ForStore(plain))
	})

	second, now := table(t, "second"), now.Add(100*registry.DefaultLease)
	withStore(t, open, func(s registry.Store) error {
		entries, err := s.Load(t.Context())
		if err != nil {
			return err
		}
		return second.Restore(now, entries...)
	})
	if second.Revision() < first.Revision() {
		t.Errorf("revision %d, which was %d before", second.Revision(), first.Revision())
	}
	end := now.Add(registry.DefaultLease)
	if _, _, err := second.Renew(now, registry.KeyOf(leased.GetChange().GetEntry()), []byte("other"), 0); messaging.CodeOf(err) != messaging.AlreadyExists {
		t.Errorf("renewed by another owner than that which was kept: %v", err)
	}
	if next, ok := second.Next(); !ok || !next.Equal(end) {
		t.Errorf("the next lease ends at %v, want %v", next, end)
	}
	if _, err := second.Resolve(end.Add(-1), "calc"); err != nil {
		t.Error(err)
	}
	if _, err := second.Resolve(end, "calc"); messaging.CodeOf(err) != messaging.NotFound {
		t.Errorf("at its lease's end: %v", err)
	}
	if _, err := second.Resolve(end, "old"); err != nil {
		t.Error(err)
	}
}

// table returns an empty table of an epoch.
func table(t *testing.T, epoch string) *registry.Table {
	made, err := registry.NewTable([]byte(epoch), registry.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// withStore opens a store for one thing to do.
func withStore(t *testing.T, open func() (registry.Store, error), do func(registry.Store) error) {
	t.Helper()
	store, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := do(store); err != nil {
		t.Fatal(err)
	}
}
