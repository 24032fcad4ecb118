package registry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/store"
)

// bench is a table with a clock of its own.
type bench struct {
	*testing.T
	*registry.Table
	now time.Time
}

// newBench returns an empty table.
func newBench(t *testing.T, limits registry.Limits) *bench {
	t.Helper()
	table, err := registry.NewTable([]byte("epoch"), limits)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{T: t, Table: table, now: time.Unix(1e9, 0)}
}

// pass lets time pass.
func (b *bench) pass(d time.Duration) { b.now = b.now.Add(d) }

// instance returns an instance that a table takes.
func instance(name, id string) *mitterev1.Instance {
	return &mitterev1.Instance{Name: name, Id: id, Endpoints: []string{"tcp://127.0.0.1:5555"}}
}

// register registers an instance that must be taken.
func (b *bench) register(i *mitterev1.Instance, lease time.Duration) *mitterev1.WatchResponse {
	b.Helper()
	_, change, err := b.Register(b.now, i, lease, registry.Owner{})
	if err != nil {
		b.Fatal(err)
	}
	return change
}

// withdraw withdraws an instance without a token.
func (b *bench) withdraw(name, id string) *mitterev1.WatchResponse {
	b.Helper()
	change, err := b.Withdraw(b.now, store.Key{Name: name, ID: id}, nil)
	if err != nil {
		b.Fatal(err)
	}
	return change
}

// plain registers a service of dīvidere's.
func (b *bench) plain(name string, port uint32) *mitterev1.WatchResponse {
	b.Helper()
	change, err := b.RegisterPlain(b.now, name, "127.0.0.1", port)
	if err != nil {
		b.Fatal(err)
	}
	return change
}

// want checks who a name leads to.
func (b *bench) want(name string, ids ...string) {
	b.Helper()
	entries, err := b.Resolve(b.now, name)
	var got []string
	for _, entry := range entries {
		got = append(got, entry.GetInstance().GetId())
	}
	if fmt.Sprint(got) != fmt.Sprint(ids) {
		b.Errorf("%s leads to %v, want %v", name, got, ids)
	}
	if len(ids) == 0 {
		b.wantCode(err, messaging.NotFound)
	}
}

// wantCode checks the code of an error.
func (b *bench) wantCode(err error, code messaging.Code) {
	b.Helper()
	if messaging.CodeOf(err) != code {
		b.Errorf("the error is %v, want %v", err, code)
	}
}

// wantChanges checks changes, written such as "7 PUT calc/1".
func (b *bench) wantChanges(changes []*mitterev1.WatchResponse, want ...string) {
	b.Helper()
	var got []string
	for _, c := range changes {
		kind := strings.TrimPrefix(c.GetChange().GetKind().String(), "KIND_")
		key := store.KeyOf(c.GetChange().GetEntry())
		got = append(got, fmt.Sprintf("%d %s %s/%s", c.GetRevision(), kind, key.Name, key.ID))
		if string(c.GetEpoch()) != string(b.Epoch()) || c.GetChange().GetEntry().GetRevision() != c.GetRevision() {
			b.Errorf("of another epoch, or with two revisions: %v", c)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.Errorf("the changes are %q, want %q", got, want)
	}
}

// one returns a change, or none, as a list.
func one(change *mitterev1.WatchResponse) []*mitterev1.WatchResponse {
	if change == nil {
		return nil
	}
	return []*mitterev1.WatchResponse{change}
}

func TestNameLeadsToAllItsInstancesOrderedByID(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.want("calc")
	for _, id := range []string{"3", "1", "2"} {
		b.register(instance("calc", id), 0)
	}
	b.register(instance("other", "9"), 0)
	b.want("calc", "1", "2", "3")
	b.want("other", "9")
	if listed := b.List(b.now); len(listed) != 4 || listed[3].GetInstance().GetName() != "other" {
		t.Errorf("listed %v", listed)
	}
}

func TestRegisterReplacesTheSameNameAndID(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.wantChanges(one(b.register(instance("calc", "1"), 0)), "1 PUT calc/1")
	moved := instance("calc", "1")
	moved.Endpoints[0] = "tcp://127.0.0.1:6666"
	b.wantChanges(one(b.register(moved, 0)), "2 PUT calc/1")
	entries, _ := b.Resolve(b.now, "calc")
	if len(entries) != 1 || entries[0].GetInstance().GetEndpoints()[0] != "tcp://127.0.0.1:6666" {
		t.Errorf("found %v", entries)
	}
}

func TestRegisterOfTheSameAgainIsARenewal(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.register(instance("calc", "1"), 2*time.Second)
	b.pass(time.Second)
	b.wantChanges(one(b.register(instance("calc", "1"), 2*time.Second)))
	b.pass(2*time.Second - 1)
	b.want("calc", "1")
	b.wantChanges(one(b.register(instance("calc", "1"), 3*time.Second)), "2 PUT calc/1")
}

func TestLeaseIsWithinTheLimits(t *testing.T) {
	b := newBench(t, registry.Limits{})
	for asked, want := range map[time.Duration]time.Duration{
		0:                registry.DefaultLease,
		1:                registry.DefaultMinLease,
		7 * time.Second:  7 * time.Second,
		1000 * time.Hour: registry.DefaultMaxLease,
		1<<63 - 1:        registry.DefaultMaxLease,
	} {
		if given, _, err := b.Register(b.now, instance("calc", "1"), asked, registry.Owner{}); err != nil || given != want {
			t.Errorf("asked for %v, got %v (%v), want %v", asked, given, err, want)
		}
	}
	_, _, err := b.Register(b.now, instance("calc", "1"), -1, registry.Owner{})
	b.wantCode(err, messaging.InvalidArgument)
}

func TestInstanceIsThereUntilItsLeaseEndsAndNotThen(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.register(instance("calc", "1"), 2*time.Second)
	b.pass(2*time.Second - 1)
	b.want("calc", "1")
	b.wantChanges(b.Expire(b.now))
	b.pass(1)
	b.want("calc") // though Expire was not called
	_, _, err := b.Renew(b.now, store.Key{Name: "calc", ID: "1"}, nil, 0)
	b.wantCode(err, messaging.NotFound)
	b.wantChanges(one(b.withdraw("calc", "1")))
	if listed := b.List(b.now); len(listed) != 0 {
		t.Errorf("listed %v", listed)
	}
	b.wantChanges(b.Expire(b.now), "2 EXPIRED calc/1")
	b.wantChanges(b.Expire(b.now))
}

func TestRegisterAfterTheLeaseEndedIsOneChange(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.register(instance("calc", "1"), time.Second)
	b.pass(time.Second)
	b.wantChanges(one(b.register(instance("calc", "1"), time.Second)), "2 PUT calc/1")
	b.wantChanges(b.Expire(b.now))
	b.want("calc", "1")
}

func TestExpireTellsInTheOrderOfTheEnds(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.register(instance("c", "1"), 3*time.Second)
	b.register(instance("a", "1"), time.Second)
	b.register(instance("d", "1"), 9*time.Second)
	b.register(instance("b", "1"), 2*time.Second)
	if next, ok := b.Next(); !ok || !next.Equal(b.now.Add(time.Second)) {
		t.Errorf("next %v %v", next, ok)
	}
	b.pass(3 * time.Second)
	b.wantChanges(b.Expire(b.now), "5 EXPIRED a/1", "6 EXPIRED b/1", "7 EXPIRED c/1")
	b.want("d", "1")
}

func TestRenewalKeepsAnInstanceAndIsNoChange(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.register(instance("calc", "1"), time.Second)
	for range 1000 {
		b.pass(time.Second - 1)
		lease, change, err := b.Renew(b.now, store.Key{Name: "calc", ID: "1"}, nil, 0)
		if lease != time.Second || change != nil || err != nil {
			t.Fatalf("%v %v %v", lease, change, err)
		}
	}
	if b.Revision() != 1 || b.Leases() != 1 {
		t.Errorf("revision %d, %d leases", b.Revision(), b.Leases())
	}
}

func TestChangeOfHealthIsAChangeAndOldAnswersStay(t *testing.T) {
	b := newBench(t, registry.Limits{})
	first := b.register(instance("calc", "1"), 0)
	_, change, err := b.Renew(b.now, store.Key{Name: "calc", ID: "1"}, nil, mitterev1.Health_HEALTH_DRAINING)
	if err != nil {
		t.Fatal(err)
	}
	b.wantChanges(one(change), "2 PUT calc/1")
	if health := change.GetChange().GetEntry().GetInstance().GetHealth(); health != mitterev1.Health_HEALTH_DRAINING {
		t.Errorf("health is %v", health)
	}
	if health := first.GetChange().GetEntry().GetInstance().GetHealth(); health != 0 {
		t.Errorf("the first change became %v", health)
	}
	if size := proto.Size(change.GetChange().GetEntry().GetInstance()); b.Size() != size {
		t.Errorf("%d bytes, want %d", b.Size(), size)
	}
}

func TestWithdrawnInstanceIsGone(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.register(instance("calc", "1"), 0)
	b.register(instance("calc", "2"), 0)
	b.wantChanges(one(b.withdraw("calc", "1")), "3 WITHDRAWN calc/1")
	b.wantChanges(one(b.withdraw("calc", "1")))
	b.want("calc", "2")
	b.withdraw("calc", "2")
	if _, ok := b.Next(); ok || b.Leases() != 0 || b.Len() != 0 || b.Size() != 0 {
		t.Errorf("%d leases of %d instances with %d bytes are left", b.Leases(), b.Len(), b.Size())
	}
}

func TestEntryTellsWhatIsLeftOfItsLease(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.register(instance("calc", "1"), 10*time.Second)
	b.pass(4 * time.Second)
	entries, _ := b.Resolve(b.now, "calc")
	if e := entries[0]; e.GetLeaseNano() != 10e9 || e.GetLeftNano() != 6e9 || e.GetRevision() != 1 {
		t.Errorf("the entry is %v", e)
	}
}

func TestFullTableRefusesAndReplacesStill(t *testing.T) {
	b := newBench(t, registry.Limits{MaxInstances: 2})
	b.register(instance("a", "1"), time.Second)
	b.register(instance("b", "1"), 0)
	_, change, err := b.Register(b.now, instance("c", "1"), 0, registry.Owner{})
	b.wantCode(err, messaging.ResourceExhausted)
	_, err = b.RegisterPlain(b.now, "c", "h", 1)
	b.wantCode(err, messaging.ResourceExhausted)
	if change != nil || b.Revision() != 2 {
		t.Errorf("a refusal is %v, revision %d", change, b.Revision())
	}
	b.register(instance("b", "1"), 2*time.Second)
	b.pass(time.Second)
	b.Expire(b.now)
	b.register(instance("c", "1"), 0)
}

func TestBytesOfAllInstancesAreBounded(t *testing.T) {
	large := instance("large", "1")
	large.Version = strings.Repeat("v", 1000)
	b := newBench(t, registry.Limits{MaxBytes: 1200})
	b.register(large, 0)
	other := proto.CloneOf(large)
	other.Id = "2"
	_, _, err := b.Register(b.now, other, 0, registry.Owner{})
	b.wantCode(err, messaging.ResourceExhausted)
	larger := proto.CloneOf(large)
	larger.Version += "v"
	b.register(larger, 0) // in place of the first
	b.withdraw("large", "1")
	b.register(other, 0)
}

func TestWrongLimitsAreReportedAllAtOnce(t *testing.T) {
	_, err := registry.NewTable(nil, registry.Limits{MinLease: time.Hour, DefaultLease: time.Second, PlainLease: -1, History: -1})
	if messaging.CodeOf(err) != messaging.InvalidArgument {
		t.Fatal(err)
	}
	for _, part := range []string{"1h0m0s at least", "dīvidere", "-1 changes", "no epoch"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}
