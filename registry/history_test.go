package registry_test

import (
	"fmt"
	"strings"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/store"
)

// wantSnapshot checks that a watcher is told the whole table of a revision.
func (b *bench) wantSnapshot(told []*mitterev1.WatchResponse, revision uint64, entries int) {
	b.Helper()
	if len(told) != 1 || told[0].GetSnapshot() == nil || told[0].GetChange() != nil {
		b.Fatalf("no snapshot: %v", told)
	}
	if got := told[0]; got.GetRevision() != revision || string(got.GetEpoch()) != "epoch" || len(got.GetSnapshot().GetEntries()) != entries {
		b.Errorf("the snapshot is %v", got)
	}
}

func TestWatcherHearsWhatItMissed(t *testing.T) {
	b := newBench(t, registry.Limits{})
	for i := range 3 {
		b.register(instance("calc", fmt.Sprint(i)), 0)
	}
	b.wantChanges(b.Since(b.now, b.Epoch(), 3, ""))
	b.wantChanges(b.Since(b.now, b.Epoch(), 2, ""), "3 PUT calc/2")
	b.wantChanges(b.Since(b.now, b.Epoch(), 0, ""), "1 PUT calc/0", "2 PUT calc/1", "3 PUT calc/2")
}

func TestStrangerHearsASnapshot(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.wantSnapshot(b.Since(b.now, nil, 0, ""), 0, 0)
	b.register(instance("calc", "1"), 0)
	b.wantSnapshot(b.Since(b.now, nil, 0, ""), 1, 1)
	b.wantSnapshot(b.Since(b.now, []byte("another"), 1, ""), 1, 1)
	b.wantSnapshot(b.Since(b.now, b.Epoch(), 2, ""), 1, 1)
	b.wantSnapshot(b.Since(b.now, b.Epoch(), 1<<64-1, ""), 1, 1)
	b.pass(registry.DefaultLease)
	b.wantSnapshot(b.Since(b.now, nil, 0, ""), 1, 0)
}

func TestWatcherThatIsTooFarBehindHearsASnapshot(t *testing.T) {
	b := newBench(t, registry.Limits{History: 2})
	for i := range 3 {
		b.register(instance("calc", fmt.Sprint(i)), 0)
	}
	b.wantSnapshot(b.Since(b.now, b.Epoch(), 0, ""), 3, 3)
	b.wantChanges(b.Since(b.now, b.Epoch(), 1, ""), "2 PUT calc/1", "3 PUT calc/2")
}

func TestWatcherOfANameHearsOfThatAlone(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.register(instance("a", "1"), 0)
	b.register(instance("b", "1"), 0)
	b.wantChanges(b.Since(b.now, b.Epoch(), 0, "a"), "1 PUT a/1")
	b.wantChanges(b.Since(b.now, b.Epoch(), 1, "a"))
	b.wantSnapshot(b.Since(b.now, nil, 0, "a"), 2, 1)
	b.wantSnapshot(b.Since(b.now, nil, 0, "c"), 2, 0)
}

func TestHistoryIsBoundedInBytes(t *testing.T) {
	b := newBench(t, registry.Limits{})
	for i := range 2000 {
		large := instance("calc", "1")
		large.Version = strings.Repeat("v", store.MaxInstanceBytes-100-i)
		b.register(large, 0)
	}
	changes, size := b.Remembered()
	if size > 64<<20 || changes < 1000 || changes >= 2000 {
		t.Errorf("%d changes with %d bytes are remembered", changes, size)
	}
	if told := b.Since(b.now, b.Epoch(), 2000-uint64(changes), ""); len(told) != changes {
		t.Errorf("%d changes are told, want %d", len(told), changes)
	}
	b.wantSnapshot(b.Since(b.now, b.Epoch(), 2000-uint64(changes)-1, ""), 2000, 1)
}

func TestRestoredTableGoesOnFromItsHighestRevision(t *testing.T) {
	b := newBench(t, registry.Limits{})
	entry := &mitterev1.Entry{Instance: instance("calc", "1"), LeaseNano: 2e9, LeftNano: 1, Revision: 41}
	plain := &mitterev1.Entry{Instance: instance("old", registry.PlainID), Revision: 7}
	if err := b.Restore(b.now, entry, plain); err != nil {
		t.Fatal(err)
	}
	b.wantSnapshot(b.Since(b.now, b.Epoch(), 40, ""), 41, 2)
	b.wantChanges(b.Since(b.now, b.Epoch(), 41, ""))
	b.pass(2e9 - 1)
	b.want("calc", "1")
	b.wantChanges(one(b.register(instance("calc", "1"), 2e9))) // its owner, as if nothing had been
	b.wantChanges(one(b.register(instance("calc", "2"), 0)), "42 PUT calc/2")
	b.pass(registry.DefaultMaxLease / 2)
	b.want("calc")
	b.want("old", registry.PlainID)
	b.wantCode(b.Restore(b.now), messaging.FailedPrecondition)
}

func TestRestoreRefusesWhatDoesNotFit(t *testing.T) {
	b := newBench(t, registry.Limits{MaxInstances: 1})
	b.wantCode(b.Restore(b.now, &mitterev1.Entry{}), messaging.InvalidArgument)
	b.wantCode(b.Restore(b.now, &mitterev1.Entry{Instance: instance("a", "1"), LeaseNano: -1}), messaging.InvalidArgument)
	b.wantCode(b.Restore(b.now, &mitterev1.Entry{Instance: instance("a", "1")}, &mitterev1.Entry{Instance: instance("a", "2")}), messaging.ResourceExhausted)
}
