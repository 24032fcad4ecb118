package registry_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/boltstore"
)

func TestKilledOwnerIsGoneWhenItsLeaseEndsAndNotBefore(t *testing.T) {
	t.Parallel()
	const lease = 1200 * time.Millisecond
	c, s := pair(t, tcp)
	f := follow(t, c, "")
	owner := faulttest.Start(t, "owner", task{Endpoint: s.endpoint(), Lease: lease})
	owner.Await("registered")
	awaitView(t, f, "owned/1")
	<-time.After(lease * 3 / 2) // renewals keep it
	awaitView(t, f, "owned/1")
	left := time.Duration(list(t, c)[0].GetLeftNano())
	killed := time.Now()
	owner.Kill()
	awaitView(t, f, "")
	if took := time.Since(killed); took > lease+atOnce || took < left-50*time.Millisecond {
		t.Errorf("the instance is gone %v after its owner was killed; its lease is %v, of which %v were left", took, lease, left)
	}
	wantList(t, c, "")
}

// keptOver checks what clients see while a registry is exchanged for another: the
// old view, which grows old, and then the new one with everything in it, long
// before a renewal.
func keptOver(t *testing.T, c *registry.Client, end func(), begin func()) {
	t.Helper()
	var all []*registry.Registration
	for _, i := range numbered("calc", 50) {
		all = append(all, c.Register(i, long))
	}
	for _, r := range all {
		ok(t, r.Wait(patient(t)))
	}
	f := c.Follow("")
	defer f.Close()
	const want = 50
	eventually(t, "the follower knows all", func() bool { return len(f.View().Entries) == want })
	old := f.View()
	end()
	lost := time.Now()
	eventually(t, "the loss is noticed", func() bool { return !f.View().Live })
	soon(t, "noticing", lost)
	eventually(t, "the view grows old", func() bool { return f.View().Age() > 100*time.Millisecond })
	if v := f.View(); len(v.Entries) != want || !bytes.Equal(v.Epoch, old.Epoch) || v.Revision != old.Revision {
		t.Errorf("meanwhile the view is of %d entries, revision %d", len(v.Entries), v.Revision)
	}
	wantCode(t, all[0].Err(), messaging.Unavailable)
	begin()
	back := time.Now()
	for _, r := range all {
		ok(t, r.Wait(patient(t)))
	}
	soon(t, "registering again", back)
	eventually(t, "the follower knows all again", func() bool {
		v := f.View()
		return v.Live && len(v.Entries) == want && v.Age() == 0 && !bytes.Equal(v.Epoch, old.Epoch)
	})
	soon(t, "the new view", back)
	if got := len(list(t, c)); got != want {
		t.Errorf("the registry holds %d", got)
	}
}

func TestRegistrationsAndViewsOutliveARegistryThatIsStoppedAndRunAgain(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	endpoint := s.endpoint()
	keptOver(t, dial(t, zmq, endpoint), func() { s.stop(t) }, func() { serve(t, zmq, endpoint) })
}

func TestRegistrationsAndViewsOutliveARegistryThatIsKilled(t *testing.T) {
	s, endpoint := startRegistry(t, task{Endpoint: tcp})
	keptOver(t, dial(t, newContext(t), endpoint), s.Kill, func() { startRegistry(t, task{Endpoint: endpoint}) })
}

func TestRegistryMayComeLaterThanItsClients(t *testing.T) {
	t.Parallel()
	endpoint := freePort(t)
	c := dial(t, newContext(t), endpoint)
	r, f := c.Register(instance("calc", "1"), long), c.Follow("calc")
	<-time.After(2 * time.Second)
	wantCode(t, r.Err(), messaging.Unavailable)
	if v := f.View(); v.Live || v.Age() != 0 || !v.At.IsZero() {
		t.Errorf("the view is %+v", v)
	}
	began := time.Now()
	serve(t, newContext(t), endpoint)
	ok(t, r.Wait(patient(t)))
	awaitView(t, f, "calc/1")
	soon(t, "all of it", began)
}

// TestHungRegistryIsNoticedAndForgetsNobody stops a registry for longer than the
// leases last: its clock stops with it.
func TestHungRegistryIsNoticedAndForgetsNobody(t *testing.T) {
	t.Parallel()
	s, endpoint := startRegistry(t, task{Endpoint: tcp})
	c := dial(t, newContext(t), endpoint)
	register(t, c, instance("calc", "1"), time.Second)
	register(t, c, instance("calc", "2"), long)
	f := follow(t, c, "")
	awaitView(t, f, "calc/1 calc/2")
	revision := f.View().Revision
	s.Halt()
	began := time.Now()
	eventually(t, "the view is not live", func() bool { return !f.View().Live })
	soon(t, "noticing", began)
	<-time.After(time.Until(began.Add(3 * time.Second)))
	s.Continue()
	began = time.Now()
	awaitView(t, f, "calc/1 calc/2")
	soon(t, "the view", began)
	<-time.After(1200 * time.Millisecond) // renewals go on
	awaitView(t, f, "calc/1 calc/2")
	if v := f.View(); v.Revision != revision {
		t.Errorf("the revision went from %d to %d: somebody was lost", revision, v.Revision)
	}
}

func TestStoppedOwnerRegistersAgainWhenItGoesOn(t *testing.T) {
	t.Parallel()
	c, s := pair(t, tcp)
	f := follow(t, c, "")
	owner := faulttest.Start(t, "owner", task{Endpoint: s.endpoint(), Lease: time.Second})
	awaitView(t, f, "owned/1")
	owner.Halt()
	awaitView(t, f, "")
	owner.Continue()
	awaitView(t, f, "owned/1")
}

func TestStoredTableIsBackBeforeAnyoneRegistersAgain(t *testing.T) {
	t.Parallel()
	zmq, path := newContext(t), filepath.Join(t.TempDir(), "registry.db")
	store := must(boltstore.Open(t.Context(), path))(t)
	s := serve(t, zmq, tcp, registry.WithStore(store))
	owner := must(registry.NewClient(zmq, s.endpoint()))(t)
	back := register(t, dial(t, zmq, s.endpoint()), instance("calc", "1"), long)
	register(t, owner, instance("calc", "short"), time.Second)
	gone := register(t, owner, instance("calc", "gone"), long)
	ok(t, gone.Withdraw(patient(t)))
	request := plainRequest(t, zmq, s.endpoint())
	request.register("old", "10.0.0.1", 5100, true)
	ok(t, owner.Close())
	s.stop(t)
	ok(t, store.Close())

	store = must(boltstore.Open(t.Context(), path))(t)
	defer store.Close()
	s = serve(t, zmq, s.endpoint(), registry.WithStore(store))
	defer s.stop(t)
	c := dial(t, zmq, s.endpoint())
	entries := list(t, c)
	if keysOf(entries) != "calc/1 calc/short old/"+registry.PlainID {
		t.Fatalf("the registry is back with %s", keysOf(entries))
	}
	for _, e := range entries[:2] {
		if e.GetLeftNano() < e.GetLeaseNano()/2 {
			t.Errorf("the lease of %s has %v left of %v", keysOf([]*mitterev1.Entry{e}), e.GetLeftNano(), e.GetLeaseNano())
		}
	}
	eventually(t, "who does not come back is gone", func() bool { return !has(list(t, c), "calc", "short") })
	ok(t, back.Wait(patient(t)))
	if e := list(t, c)[0]; e.GetRevision() != entries[0].GetRevision() {
		t.Errorf("who comes back is news: %v", e)
	}
}

func TestKilledRegistryHasLostNothingThatItsStoreKeeps(t *testing.T) {
	todo := task{Endpoint: tcp, Store: filepath.Join(t.TempDir(), "registry.db")}
	s, endpoint := startRegistry(t, todo)
	zmq := newContext(t)
	owner := must(registry.NewClient(zmq, endpoint))(t)
	for _, i := range numbered("calc", 20) {
		register(t, owner, i, long)
	}
	ok(t, owner.Close()) // nobody registers again
	s.Kill()
	todo.Endpoint = endpoint
	startRegistry(t, todo)
	if got := len(list(t, dial(t, zmq, endpoint))); got != 20 {
		t.Errorf("the registry is back with %d instances", got)
	}
}

// TestFaultOfRegistryThatIsKilledAgainAndAgain kills it at any moment, also while
// clients register again.
func TestFaultOfRegistryThatIsKilledAgainAndAgain(t *testing.T) {
	s, endpoint := startRegistry(t, task{Endpoint: tcp})
	zmq := newContext(t)
	var want []string
	for i := range 5 {
		c := dial(t, zmq, endpoint)
		for _, i := range numbered(fmt.Sprint("calc", i), 20) {
			c.Register(i, long)
			want = append(want, i.GetName()+"/"+i.GetId())
		}
	}
	c := dial(t, zmq, endpoint)
	f := c.Follow("")
	kills := 0
	for until := time.Now().Add(faulttest.Length(t) / 2); time.Now().Before(until); kills++ {
		<-time.After(time.Duration(rand.Int64N(int64(100 * time.Millisecond))))
		s.Kill()
		s, _ = startRegistry(t, task{Endpoint: endpoint})
	}
	began := time.Now()
	awaitView(t, f, strings.Join(want, " "))
	soon(t, "the whole view", began)
	wantList(t, c, strings.Join(want, " "))
	t.Logf("killed %d times", kills)
}

// freePort returns an endpoint where nobody listens.
func freePort(t testing.TB) (endpoint string) {
	s := must(registry.NewServer(newContext(t), tcp))(t)
	ok(t, s.Close())
	return s.Endpoints()[0]
}
