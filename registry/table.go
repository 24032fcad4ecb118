package registry

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/heap"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry/store"
)

// Table is the state of a registry: which instances are there, until when, and what changed
// last. It is pure: it has no clock, goroutine or socket. Make one with
// [NewTable].
//
// now never goes backwards from call to call. An instance whose lease ends at
// or before now is not there any more, in every answer, whether or not [Table.Expire]
// was called since; Expire is what tells watchers.
//
// A Table is not safe for concurrent use. An instance that it took, and all that
// it returns, is shared and never changed again, by it or by the caller; it may
// be read, and marshalled, by many at once.
type Table struct {
	limits   Limits
	epoch    []byte
	revision uint64
	names    map[string][]*entry // ordered by id; no list is empty
	count    int
	plains   int               // of those, how many are services without a protocol of their own; see plain.go
	size     int               // of all instances, in bytes
	leases   heap.Heap[*entry] // the entries that have a lease, the next one to end first
	history  history
	round    uint64 // how often dīvidere's services were asked; see plain.go
}

// entry is an instance in a table.
type entry struct {
	instance *mitterev1.Instance
	size     int           // of the instance, in bytes
	lease    time.Duration // 0 is no lease
	ends     time.Time     // of the lease
	place    int           // among the leases; 0 without one
	revision uint64        // at which it was last changed
	token    []byte        // of the registration; empty if it has none
	since    time.Time     // when the registration was first taken
	heard    time.Time     // when it was last registered; kept for dīvidere's alone
	round    uint64        // the round of that
	answers  bool          // it registered again when it was asked to
}

// NewTable returns an empty table. The epoch tells one run of a registry from
// the others: random bytes, 16 are plenty. What is wrong with the limits is
// INVALID_ARGUMENT.
func NewTable(epoch []byte, limits Limits) (*Table, error) {
	limits, err := limits.complete()
	if len(epoch) == 0 {
		err = errors.Join(err, errors.New("no epoch"))
	}
	if err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "registry: %w", err)
	}
	return &Table{
		limits:  limits,
		epoch:   bytes.Clone(epoch),
		names:   map[string][]*entry{},
		history: history{most: limits.History},
	}, nil
}

// Epoch returns the bytes that tell this run of the registry.
func (t *Table) Epoch() []byte { return t.epoch }

// Revision returns the number of the last change; it counts up by one each time.
func (t *Table) Revision() uint64 { return t.revision }

// Len returns how many instances the table holds, those included whose lease
// has ended since Expire was called.
func (t *Table) Len() int { return t.count }

// Register enters an instance, which is the table's from then on, or replaces
// the one of the same name and id. It returns the lease that was given: the one
// asked for within the limits, or their default for 0.
//
// The same instance with the same lease and owner again is but a renewal: no change. The
// error is INVALID_ARGUMENT if the instance is not valid, RESOURCE_EXHAUSTED if the
// table is full, and ALREADY_EXISTS if the entry belongs to a later registration,
// or to one with a token while this has none; then nothing was changed.
func (t *Table) Register(now time.Time, instance *mitterev1.Instance, lease time.Duration, owner Owner) (time.Duration, *mitterev1.WatchResponse, error) {
	if lease < 0 {
		return 0, nil, messaging.Errorf(messaging.InvalidArgument, "a lease of %v", lease)
	}
	if err := owner.check(); err != nil {
		return 0, nil, err
	}
	if strings.Contains(instance.GetName(), "/") {
		return 0, nil, messaging.Errorf(messaging.InvalidArgument, "the name %.80q has a slash, which is what stands between a name and a method", instance.GetName())
	}
	if instance.GetId() == PlainID {
		return 0, nil, messaging.Errorf(messaging.InvalidArgument, "the id %q is kept for dīvidere's services", PlainID)
	}
	e := &entry{instance: instance, lease: t.limits.lease(lease), token: owner.Token, since: now.Add(-owner.Age)}
	change, err := t.enter(now, e)
	return e.lease, change, err
}

// enter puts a new entry in place of the old one, if it says anything new.
func (t *Table) enter(now time.Time, e *entry) (*mitterev1.WatchResponse, error) {
	var err error
	if e.size, err = store.CheckInstance(e.instance); err != nil {
		return nil, err
	}
	old := t.find(e.instance.GetName(), e.instance.GetId())
	if t.live(now, old) {
		if err := old.replaceable(e); err != nil {
			return nil, err
		}
	}
	if t.live(now, old) && old.ownedBy(e.token) && old.lease == e.lease && proto.Equal(old.instance, e.instance) {
		old.heard, old.round = e.heard, e.round
		t.renew(now, old)
		return nil, nil
	}
	if err := t.room(old, e); err != nil {
		return nil, err
	}
	t.replace(old, e)
	t.renew(now, e)
	return t.changed(now, e, mitterev1.Change_KIND_PUT), nil
}

// room returns an error if the table has no room for an entry in place of an
// old one, which may be nil.
func (t *Table) room(old, e *entry) error {
	count, size := t.count+1, t.size+e.size
	if old != nil {
		count, size = count-1, size-old.size
	}
	switch {
	case old == nil && e.isPlain() && t.plains >= t.limits.MaxPlain:
		return messaging.Errorf(messaging.ResourceExhausted, "the registry holds %d services without an id, which is its limit", t.plains)
	case count > t.limits.MaxInstances:
		return messaging.Errorf(messaging.ResourceExhausted, "the registry holds %d instances, which is its limit", t.count)
	case size > t.limits.MaxBytes:
		return messaging.Errorf(messaging.ResourceExhausted, "the registry's instances have %d bytes, of %d at most", t.size, t.limits.MaxBytes)
	default:
		return nil
	}
}

// Renew begins the lease of an instance anew and returns it; 0 is no lease. It
// is a change only if the health is another. NOT_FOUND means that the instance
// is not there or that its lease has ended: it must register again. ALREADY_EXISTS
// means that another registration has its place, and so another token.
func (t *Table) Renew(now time.Time, key store.Key, token []byte, health mitterev1.Health) (time.Duration, *mitterev1.WatchResponse, error) {
	e := t.find(key.Name, key.ID)
	switch {
	case !t.live(now, e):
		return 0, nil, messaging.Errorf(messaging.NotFound, "no instance %.40q of %.40q", key.ID, key.Name)
	case !e.ownedBy(token):
		return 0, nil, e.taken()
	}
	t.renew(now, e)
	if e.instance.GetHealth() == health {
		return e.lease, nil, nil
	}
	// Others read the old instance.
	e.instance = proto.CloneOf(e.instance)
	e.instance.Health = health
	size := proto.Size(e.instance)
	t.size += size - e.size // a byte or two beyond the limit do no harm
	e.size = size
	return e.lease, t.changed(now, e, mitterev1.Change_KIND_PUT), nil
}

// Withdraw removes an instance. The change is nil if that is not there. One of
// another registration stays: ALREADY_EXISTS.
func (t *Table) Withdraw(now time.Time, key store.Key, token []byte) (*mitterev1.WatchResponse, error) {
	e := t.find(key.Name, key.ID)
	switch {
	case !t.live(now, e):
		return nil, nil // what has ended is left to Expire
	case !e.ownedBy(token):
		return nil, e.taken()
	}
	t.remove(e)
	return t.changed(now, e, mitterev1.Change_KIND_WITHDRAWN), nil
}

// changed notes a change of an entry, and returns it.
func (t *Table) changed(now time.Time, e *entry, kind mitterev1.Change_Kind) *mitterev1.WatchResponse {
	t.revision++
	e.revision = t.revision
	change := &mitterev1.WatchResponse{
		Epoch:    t.epoch,
		Revision: t.revision,
		Change:   &mitterev1.Change{Kind: kind, Entry: e.view(now)},
	}
	t.history.add(change, e.size)
	return change
}

// find returns the entry of a name and id, or nil.
func (t *Table) find(name, id string) *entry {
	entries := t.names[name]
	if i, found := position(entries, id); found {
		return entries[i]
	}
	return nil
}

// replace puts an entry in the place of an old one, which may be nil.
func (t *Table) replace(old, e *entry) {
	if old != nil {
		t.remove(old)
	}
	name := e.instance.GetName()
	i, _ := position(t.names[name], e.instance.GetId())
	t.names[name] = slices.Insert(t.names[name], i, e)
	t.count++
	if e.isPlain() {
		t.plains++
	}
	t.size += e.size
}

// remove takes an entry out.
func (t *Table) remove(e *entry) {
	name := e.instance.GetName()
	entries := t.names[name]
	if i, found := position(entries, e.instance.GetId()); found {
		entries = slices.Delete(entries, i, i+1)
	}
	t.names[name] = entries
	if len(entries) == 0 {
		delete(t.names, name)
	}
	t.leases.Remove(e)
	t.count--
	if e.isPlain() {
		t.plains--
	}
	t.size -= e.size
}

// position returns where an id is, or where it belongs, among those of a name.
func position(entries []*entry, id string) (int, bool) {
	return slices.BinarySearchFunc(entries, id, func(e *entry, id string) int {
		return strings.Compare(e.instance.GetId(), id)
	})
}
