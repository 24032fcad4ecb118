package registry_test

import (
	"context"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/store"
	"github.com/mittere/mittere/registry/storetest"
)

// counting counts the writes of a store.
type counting struct {
	store.Memory
	writes int
}

// Put counts, and puts.
func (c *counting) Put(ctx context.Context, entries ...*mitterev1.Entry) error {
	c.writes++
	return c.Memory.Put(ctx, entries...)
}

// Delete counts, and deletes.
func (c *counting) Delete(ctx context.Context, keys ...store.Key) error {
	c.writes++
	return c.Memory.Delete(ctx, keys...)
}

func TestSaveWritesTheLastChangesAtOnce(t *testing.T) {
	b := newBench(t, registry.Limits{})
	var changes []*mitterev1.WatchResponse
	for _, id := range []string{"1", "2", "3"} {
		changes = append(changes, b.register(instance("calc", id), 0))
	}
	changes = append(changes, b.withdraw("calc", "1"), b.withdraw("calc", "2"), b.register(instance("calc", "2"), 0))
	b.pass(registry.DefaultLease - 1)
	_, _, err := b.Renew(b.now, store.Key{Name: "calc", ID: "2"}, nil, 0)
	b.wantCode(err, messaging.OK)
	b.pass(1)
	changes = append(changes, b.Expire(b.now)...)

	kept := &counting{}
	if err := store.Save(t.Context(), kept, changes...); err != nil {
		t.Fatal(err)
	}
	entry := b.List(b.now)[0]
	storetest.Check(t, kept, map[store.Key]*mitterev1.Entry{{Name: "calc", ID: "2"}: entry})
	if kept.writes != 2 {
		t.Errorf("%d writes", kept.writes)
	}
	if err := store.Save(t.Context(), kept); err != nil || kept.writes != 2 {
		t.Errorf("no changes are %d writes more (%v)", kept.writes-2, err)
	}
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	b.wantCode(store.Save(t.Context(), kept, changes...), messaging.Unavailable)
}
