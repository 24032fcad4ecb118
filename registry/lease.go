package registry

import (
	"container/heap"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// leases are the entries that have a lease, the next one to end first: a heap in
// the sense of container/heap. An entry is in it once, however often it is
// renewed.
type leases []*entry

// Len is the number of leases.
func (l leases) Len() int { return len(l) }

// Less reports whether lease i ends before lease j.
func (l leases) Less(i, j int) bool { return l[i].ends.Before(l[j].ends) }

// Swap exchanges two leases.
func (l leases) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].index, l[j].index = i, j
}

// Push is for container/heap alone.
func (l *leases) Push(x any) {
	e := x.(*entry)
	e.index = len(*l)
	*l = append(*l, e)
}

// Pop is for container/heap alone.
func (l *leases) Pop() any {
	last := len(*l) - 1
	e := (*l)[last]
	(*l)[last] = nil // or the array keeps it
	*l = (*l)[:last]
	e.index = -1
	return e
}

// end takes an entry out, if it is there.
func (l *leases) end(e *entry) {
	if e.index >= 0 {
		heap.Remove(l, e.index)
	}
}

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
	if e.index < 0 {
		heap.Push(&t.leases, e)
		return
	}
	heap.Fix(&t.leases, e.index)
}

// Expire removes all instances whose leases end at or before now, and returns
// the changes in the order in which they ended.
func (t *Table) Expire(now time.Time) []*mitterev1.WatchResponse {
	var changes []*mitterev1.WatchResponse
	for len(t.leases) > 0 && !t.live(now, t.leases[0]) {
		e := t.leases[0]
		t.remove(e)
		changes = append(changes, t.changed(now, e, mitterev1.Change_KIND_EXPIRED))
	}
	return changes
}

// Next returns when the next lease ends, which is when to call Expire; ok is
// false if there is none. A renewal may put it off.
func (t *Table) Next() (when time.Time, ok bool) {
	if len(t.leases) == 0 {
		return time.Time{}, false
	}
	return t.leases[0].ends, true
}
