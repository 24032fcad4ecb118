package boltstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/boltstore"
	"github.com/mittere/mittere/registry/store"
	"github.com/mittere/mittere/registry/storetest"
)

func TestRestoredTableGivesEveryInstanceAFullLease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	open := func() (store.Store, error) { return boltstore.Open(t.Context(), path) }
	first, now := table(t, "first"), time.Unix(1e9, 0)
	_, leased, err := first.Register(now, storetest.Entry("calc", "1", 0).Instance, 0, registry.Owner{Token: []byte("token")})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := first.RegisterPlain(now, "old", "127.0.0.1", 5100)
	if err != nil {
		t.Fatal(err)
	}
	withStore(t, open, func(s store.Store) error {
		return store.Save(t.Context(), s, first.ForStore(leased), first.ForStore(plain))
	})

	second, now := table(t, "second"), now.Add(100*registry.DefaultLease)
	withStore(t, open, func(s store.Store) error {
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
	if _, _, err := second.Renew(now, store.KeyOf(leased.GetChange().GetEntry()), []byte("other"), 0); messaging.CodeOf(err) != messaging.AlreadyExists {
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
func withStore(t *testing.T, open func() (store.Store, error), do func(store.Store) error) {
	t.Helper()
	opened, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if err := do(opened); err != nil {
		t.Fatal(err)
	}
}
