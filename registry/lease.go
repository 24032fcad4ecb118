package registry

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Before orders entries by the end of their leases.
func (e *entry) Before(other *entry) bool { return e.ends.Before(other.ends) }

// Place is for the heap of the leases alone.
func (e *entry) Place() *int { return &e.place }

// live reports whether an entry is there: not nil, and its lease has not ended.
func (t *Table) live(now time.Time, e *entry) bool {
	return e != nil && (e.lease == 0 || now.Before(e.ends))
}

// renew begins the lease of an entry in the table anew, if it has one.
func (t *Table) renew(now time.Time, e *entry) {
	if e.lease == 0 {
		return
	}
	e.ends = now.Add(e.lease)
	t.leases.Put(e)
}

// Expire removes all instances whose leases end at or before now, and returns
// the changes in the order in which they ended.
func (t *Table) Expire(now time.Time) []*mitterev1.WatchResponse {
	var changes []*mitterev1.WatchResponse
	for e := t.leases.First(); e != nil && !t.live(now, e); e = t.leases.First() {
		t.remove(e)
		changes = append(changes, t.changed(now, e, mitterev1.Change_KIND_EXPIRED))
	}
	return changes
}

// Next returns when the next lease ends, which is when to call Expire; ok is
// false if there is none. A renewal may put it off.
func (t *Table) Next() (when time.Time, ok bool) {
	if e := t.leases.First(); e != nil {
		return e.ends, true
	}
	return time.Time{}, false
}
