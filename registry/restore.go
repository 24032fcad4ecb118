package registry

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry/store"
)

// Restore fills an empty table with what a store has kept. Each entry has a full
// lease before it, within the limits of now, or none if it had none; its owner
// renews it as if nothing had happened. The entries are the table's from then on.
//
// Revisions go on from the highest one among the entries. There are no changes to
// tell, since an epoch begins with a snapshot. The errors are those of Register,
// and FAILED_PRECONDITION if the table is not new; after an error it is of no
// use.
func (t *Table) Restore(now time.Time, entries ...*mitterev1.Entry) error {
	if t.revision != 0 || t.count != 0 {
		return messaging.Errorf(messaging.FailedPrecondition, "the table is not new")
	}
	for _, stored := range entries {
		if err := t.restore(now, stored); err != nil {
			return err
		}
	}
	return nil
}

// restore enters one entry. Of services without an id it leaves out those that have no
// room.
func (t *Table) restore(now time.Time, stored *mitterev1.Entry) error {
	if err := store.CheckEntry(stored); err != nil {
		return err
	}
	// The owner of the entry when the store was written is the latest: of all others the
	// registry that wrote it knew that they were replaced.
	e := &entry{instance: stored.GetInstance(), revision: stored.GetRevision(), token: stored.GetToken(), since: now}
	e.size, _ = store.CheckInstance(e.instance)
	switch {
	case e.isPlain() && t.plains >= t.limits.MaxPlain:
		return nil
	case e.isPlain(): // one that answers shows it anew, unless its lease says that it did
		e.answers = stored.GetLeaseNano() == int64(t.limits.PlainLease)
		e.lease = t.plainLease(e)
	case stored.GetLeaseNano() > 0:
		e.lease = t.limits.lease(time.Duration(stored.GetLeaseNano()))
	}
	old := t.find(e.instance.GetName(), e.instance.GetId())
	if err := t.room(old, e); err != nil {
		return err
	}
	t.replace(old, e)
	t.renew(now, e)
	t.revision = max(t.revision, e.revision)
	return nil
}
