package registry_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/store"
)

func compareKeys(a, b store.Key) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}

// TestRandomEventsKeepTheInvariants holds a table against a model, and watchers
// against the table, over tables of three sizes.
func TestRandomEventsKeepTheInvariants(t *testing.T) {
	for _, size := range []int{2, 12, 40} {
		t.Run(fmt.Sprintf("of %d instances", size), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			newDuel(t, seed, size).run(20_000)
		})
	}
}

// duel is a table and its model, which see the same events.
type duel struct {
	*bench
	model    *model
	random   *rand.Rand
	revision uint64
	watchers []*watcher
}

// newDuel returns a table for a number of instances and a few more who want in.
func newDuel(t *testing.T, seed uint64, size int) *duel {
	limits := registry.Limits{
		DefaultLease: 3 * time.Second,
		MinLease:     time.Second,
		MaxLease:     10 * time.Second,
		PlainLease:   5 * time.Second,
		MaxInstances: size,
		History:      16,
	}
	d := &duel{
		bench:  newBench(t, limits),
		model:  &model{limits: limits, entries: map[store.Key]*modelEntry{}},
		random: rand.New(rand.NewPCG(seed, 0)),
	}
	for i := range 8 {
		w := &watcher{}
		if i%2 == 1 {
			w.name = d.name()
		}
		d.watchers = append(d.watchers, w)
	}
	return d
}

func (d *duel) run(steps int) {
	for step := range steps {
		what := d.step()
		d.checkState()
		if d.Failed() {
			d.Fatalf("in step %d: %s", step, what)
		}
	}
}

// step does one thing to both, and returns what it was.
func (d *duel) step() string {
	name, id := d.name(), fmt.Sprint(d.random.IntN(4))
	key := store.Key{Name: name, ID: id}
	if d.random.IntN(4) == 0 {
		key.ID = registry.PlainID
	}
	switch d.random.IntN(10) {
	case 0, 1:
		// To the nanosecond, so that ends are met exactly, and often enough late.
		d.pass(time.Duration(d.random.IntN(3000)) * time.Millisecond)
		return "pass"
	case 2, 3:
		d.registers(name, id)
	case 4:
		d.plains(name)
	case 5, 6:
		health := mitterev1.Health(d.random.IntN(2))
		token := d.token()
		_, told, err := d.Renew(d.now, key, []byte(token), health)
		want, code := d.model.renew(d.now, key, token, health)
		d.told(one(told), err, want, code)
	case 7:
		token := d.token()
		told, err := d.Withdraw(d.now, key, []byte(token))
		want, code := d.model.withdraw(d.now, key, token)
		d.told(one(told), err, want, code)
	case 8:
		d.expires()
	default:
		d.Rediscover()
		d.model.round++
		d.watch(d.watchers[d.random.IntN(len(d.watchers))])
	}
	return fmt.Sprintf("%v at %v", key, d.now)
}

// token returns that of one of two owners, or none; most often of the first, so that
// enough succeeds.
func (d *duel) token() string { return []string{"a", "a", "a", "b", ""}[d.random.IntN(5)] }

func (d *duel) name() string { return fmt.Sprint("name", d.random.IntN(4)) }

func (d *duel) registers(name, id string) {
	i := instance(name, id)
	i.Version = fmt.Sprint(d.random.IntN(2))
	lease := time.Duration(d.random.IntN(13)) * time.Second
	owner := registry.Owner{Token: []byte(d.token()), Age: time.Duration(d.random.IntN(4)) * time.Second}
	want, code := d.model.register(d.now, proto.CloneOf(i), lease, owner)
	given, told, err := d.Register(d.now, i, lease, owner)
	d.told(one(told), err, want, code)
	if e := d.model.entries[store.Key{Name: name, ID: id}]; err == nil && given != e.lease {
		d.Errorf("the lease is %v, want %v", given, e.lease)
	}
}

func (d *duel) plains(name string) {
	port := uint32(5100 + d.random.IntN(2))
	i := &mitterev1.Instance{
		Name: name, Id: registry.PlainID, Dialect: mitterev1.Dialect_DIALECT_PLAIN,
		Endpoints: []string{fmt.Sprintf("tcp://h:%d", port)},
	}
	want, code := d.model.plain(d.now, i)
	told, err := d.RegisterPlain(d.now, name, "h", port)
	d.told(one(told), err, want, code)
}

func (d *duel) expires() {
	if when, ok := d.Next(); ok && d.random.IntN(2) == 0 && when.After(d.now) {
		d.now = when // exactly
	}
	want := d.model.expire(d.now)
	told := d.Expire(d.now)
	slices.SortFunc(want, func(a, b change) int { return compareKeys(a.key, b.key) })
	sorted := slices.SortedFunc(slices.Values(told), func(a, b *mitterev1.WatchResponse) int {
		return compareKeys(store.KeyOf(a.GetChange().GetEntry()), store.KeyOf(b.GetChange().GetEntry()))
	})
	d.rising(told)
	d.same(sorted, want)
}

// told compares what a table told with what it must tell.
func (d *duel) told(told []*mitterev1.WatchResponse, err error, want []change, code messaging.Code) {
	d.wantCode(err, code)
	d.rising(told)
	d.same(told, want)
}

// rising checks that revisions count up by one.
func (d *duel) rising(told []*mitterev1.WatchResponse) {
	for _, c := range told {
		d.revision++
		if c.GetRevision() != d.revision {
			d.Errorf("revision %d, want %d", c.GetRevision(), d.revision)
		}
	}
	if d.Revision() != d.revision {
		d.Errorf("the table is at revision %d, want %d", d.Revision(), d.revision)
	}
}

func (d *duel) same(told []*mitterev1.WatchResponse, want []change) {
	var got []change
	for _, c := range told {
		got = append(got, change{c.GetChange().GetKind(), store.KeyOf(c.GetChange().GetEntry())})
	}
	if !slices.Equal(got, want) {
		d.Errorf("told %v, want %v", got, want)
	}
}

// checkState compares all that the table says with what it must say.
func (d *duel) checkState() {
	listed := d.List(d.now)
	d.checkEntries(listed, d.model.list(d.now, ""))
	name := d.name()
	resolved, err := d.Resolve(d.now, name)
	want := d.model.list(d.now, name)
	d.checkEntries(resolved, want)
	if (messaging.CodeOf(err) == messaging.NotFound) != (len(want) == 0) {
		d.Errorf("%d instances of %s: %v", len(want), name, err)
	}
	when, leases := d.model.next()
	if next, ok := d.Next(); ok != (leases > 0) || !next.Equal(when) {
		d.Errorf("the next lease ends at %v (%v), want %v", next, ok, when)
	}
	if d.Leases() != leases || d.Len() != len(d.model.entries) {
		d.Errorf("%d leases of %d instances, want %d of %d", d.Leases(), d.Len(), leases, len(d.model.entries))
	}
	size := 0
	for _, e := range d.model.entries {
		size += proto.Size(e.instance)
	}
	if changes, _ := d.Remembered(); changes > 16 || d.Size() != size {
		d.Errorf("%d changes are remembered, and there are %d bytes, want %d", changes, d.Size(), size)
	}
}

// checkEntries compares entries with those of the model that have these keys.
func (d *duel) checkEntries(entries []*mitterev1.Entry, want []store.Key) {
	var got []store.Key
	for _, entry := range entries {
		key := store.KeyOf(entry)
		got = append(got, key)
		e := d.model.entries[key]
		left := time.Duration(0)
		if e != nil && e.lease > 0 {
			left = e.ends.Sub(d.now)
		}
		if e == nil || !proto.Equal(entry.GetInstance(), e.instance) || entry.GetLeaseNano() != int64(e.lease) || entry.GetLeftNano() != int64(left) {
			d.Errorf("the entry %v is not %v", entry, e)
		}
	}
	if !slices.Equal(got, want) {
		d.Errorf("there are %v, want %v", got, want)
	}
}

// watcher is told changes from time to time, and builds a table from them.
type watcher struct {
	name     string
	epoch    []byte
	revision uint64
	entries  map[store.Key]*mitterev1.Entry
}

// hear takes what the watcher is told.
func (w *watcher) hear(told *mitterev1.WatchResponse) {
	w.epoch, w.revision = told.GetEpoch(), told.GetRevision()
	if told.GetSnapshot() != nil {
		w.entries = map[store.Key]*mitterev1.Entry{}
		for _, entry := range told.GetSnapshot().GetEntries() {
			w.entries[store.KeyOf(entry)] = entry
		}
		return
	}
	entry := told.GetChange().GetEntry()
	delete(w.entries, store.KeyOf(entry))
	if told.GetChange().GetKind() == mitterev1.Change_KIND_PUT {
		w.entries[store.KeyOf(entry)] = entry
	}
}

// watch brings a watcher up to date and compares its table with the real one.
func (d *duel) watch(w *watcher) {
	known := w.revision
	for _, told := range d.Since(d.now, w.epoch, w.revision, w.name) {
		if told.GetSnapshot() == nil && (told.GetRevision() <= known || told.GetRevision() > d.revision) {
			d.Errorf("from %d to %d it was told %d", known, d.revision, told.GetRevision())
		}
		w.hear(told)
	}
	w.revision = d.revision
	if d.random.IntN(20) == 0 {
		defer func() { *w = watcher{name: w.name} }() // starts again next time
	}
	want := map[store.Key]*mitterev1.Entry{}
	for _, entry := range d.List(d.now) {
		if w.name == "" || w.name == entry.GetInstance().GetName() {
			want[store.KeyOf(entry)] = entry
		}
	}
	for key, entry := range w.entries {
		// It knows of those that have ended until Expire says so.
		if !d.model.live(d.now, key) {
			continue
		}
		real := want[key]
		if real == nil || !proto.Equal(entry.GetInstance(), real.GetInstance()) || entry.GetLeaseNano() != real.GetLeaseNano() || entry.GetRevision() != real.GetRevision() {
			d.Errorf("a watcher knows %v, the table %v", entry, real)
		}
		delete(want, key)
	}
	if len(want) > 0 {
		d.Errorf("a watcher does not know %v", want)
	}
}
