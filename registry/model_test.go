package registry_test

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/store"
)

// model is a table as simple as can be: it looks at everything, every time. What
// it says a table must do.
type model struct {
	limits  registry.Limits
	entries map[store.Key]*modelEntry // those that have ended too, until expire
	round   int
}

// modelEntry is an instance in a model.
type modelEntry struct {
	instance *mitterev1.Instance
	lease    time.Duration
	ends     time.Time
	token    string
	since    time.Time
	heard    time.Time
	round    int
	answers  bool
}

// change is what must be told, but for its revision.
type change struct {
	kind mitterev1.Change_Kind
	key  store.Key
}

func (m *model) live(now time.Time, key store.Key) bool {
	e := m.entries[key]
	return e != nil && (e.lease == 0 || e.ends.After(now))
}

func (m *model) register(now time.Time, i *mitterev1.Instance, lease time.Duration, owner registry.Owner) ([]change, messaging.Code) {
	if lease == 0 {
		lease = m.limits.DefaultLease
	}
	lease = min(max(lease, m.limits.MinLease), m.limits.MaxLease)
	return m.put(now, &modelEntry{instance: i, lease: lease, token: string(owner.Token), since: now.Add(-owner.Age)})
}

func (m *model) put(now time.Time, e *modelEntry) ([]change, messaging.Code) {
	key := store.Key{Name: e.instance.GetName(), ID: e.instance.GetId()}
	old := m.entries[key]
	if m.live(now, key) && old.token != e.token && (e.token == "" || old.since.After(e.since)) {
		return nil, messaging.AlreadyExists
	}
	if old == nil && len(m.entries) == m.limits.MaxInstances {
		return nil, messaging.ResourceExhausted
	}
	same := m.live(now, key) && old.token == e.token && old.lease == e.lease && proto.Equal(old.instance, e.instance)
	e.ends = now.Add(e.lease)
	m.entries[key] = e
	if same {
		e.since = old.since
		return nil, messaging.OK
	}
	return []change{{mitterev1.Change_KIND_PUT, key}}, messaging.OK
}

func (m *model) plain(now time.Time, i *mitterev1.Instance) ([]change, messaging.Code) {
	e := &modelEntry{instance: i, heard: now, round: m.round, lease: m.limits.MaxLease}
	key := store.Key{Name: i.GetName(), ID: i.GetId()}
	if old := m.entries[key]; m.live(now, key) && slices.Equal(old.instance.GetEndpoints(), i.GetEndpoints()) {
		asked, soon := old.round < m.round, now.Sub(old.heard) <= m.limits.PlainLease
		switch {
		case old.answers || asked && soon:
			e.answers, e.lease = true, m.limits.PlainLease
		case !asked:
			e.heard = old.heard
		}
	}
	return m.put(now, e)
}

func (m *model) renew(now time.Time, key store.Key, token string, health mitterev1.Health) ([]change, messaging.Code) {
	if !m.live(now, key) {
		return nil, messaging.NotFound
	}
	e := m.entries[key]
	if e.token != token {
		return nil, messaging.AlreadyExists
	}
	e.ends = now.Add(e.lease)
	if e.instance.GetHealth() == health {
		return nil, messaging.OK
	}
	e.instance = proto.CloneOf(e.instance)
	e.instance.Health = health
	return []change{{mitterev1.Change_KIND_PUT, key}}, messaging.OK
}

func (m *model) withdraw(now time.Time, key store.Key, token string) ([]change, messaging.Code) {
	switch {
	case !m.live(now, key):
		return nil, messaging.OK
	case m.entries[key].token != token:
		return nil, messaging.AlreadyExists
	}
	delete(m.entries, key)
	return []change{{mitterev1.Change_KIND_WITHDRAWN, key}}, messaging.OK
}

// expire returns the changes in an order of its own.
func (m *model) expire(now time.Time) (changes []change) {
	for key := range m.entries {
		if !m.live(now, key) {
			changes = append(changes, change{mitterev1.Change_KIND_EXPIRED, key})
			delete(m.entries, key)
		}
	}
	return changes
}

// next returns when the next lease ends, and how many there are.
func (m *model) next() (when time.Time, leases int) {
	for _, e := range m.entries {
		if e.lease == 0 {
			continue
		}
		leases++
		if leases == 1 || e.ends.Before(when) {
			when = e.ends
		}
	}
	return when, leases
}

// list returns the keys of all that are there, of one name or all for "", in
// their order.
func (m *model) list(now time.Time, name string) []store.Key {
	keys := slices.SortedFunc(maps.Keys(m.entries), compareKeys)
	return slices.DeleteFunc(keys, func(k store.Key) bool {
		return !m.live(now, k) || name != "" && k.Name != name
	})
}
