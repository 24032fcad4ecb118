package registry_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/store"
)

func TestWatchTellsWhatIsThereAndThenEachChangeInOrder(t *testing.T) {
	c, _ := pair(t, tcp)
	register(t, c, instance("calc", "1"), long)
	heard := make(chan *mitterev1.WatchResponse)
	ctx := patient(t)
	go func() {
		defer close(heard)
		for told := range c.News(ctx, "") {
			heard <- told
			if told.GetRevision() == 4 {
				return // leaves the loop, which cancels the call
			}
		}
	}()
	first := <-heard
	if keysOf(first.GetSnapshot().GetEntries()) != "calc/1" || first.GetRevision() != 1 || len(first.GetEpoch()) == 0 {
		t.Fatalf("the watcher is first told %v", first)
	}
	echo := register(t, c, instance("echo", "1"), long)
	ok(t, echo.Withdraw(patient(t)))
	register(t, c, instance("calc", "2"), time.Second)
	for i, want := range []mitterev1.Change_Kind{mitterev1.Change_KIND_PUT, mitterev1.Change_KIND_WITHDRAWN, mitterev1.Change_KIND_PUT} {
		told := <-heard
		if told.GetChange().GetKind() != want || told.GetRevision() != uint64(i+2) {
			t.Errorf("the watcher is told %v, want %v with revision %d", told, want, i+2)
		}
	}
	if _, more := <-heard; more {
		t.Error("the watch goes on")
	}
}

func TestWatchTellsEventsAlsoWhenTheRegistryWasAway(t *testing.T) {
	zmq := newContext(t)
	first := serve(t, zmq, tcp)
	c := dial(t, zmq, first.endpoint())
	register(t, c, instance("calc", "1"), long)
	events, ctx := make(chan registry.Event), patient(t)
	go func() {
		defer close(events)
		for e := range c.Watch(ctx, "calc") {
			events <- e
			if e.Entry.GetInstance().GetId() == "2" {
				return // leaves the loop, which cancels the call
			}
		}
	}()
	want := func(kind registry.EventKind, id string) {
		t.Helper()
		if e := <-events; e.Kind != kind || e.Entry.GetInstance().GetId() != id || (e.Lost != nil) != (kind == registry.EventAway) {
			t.Errorf("the watcher is told %+v, want kind %d of %q", e, kind, id)
		}
	}
	want(registry.EventListed, "1")
	want(registry.EventLive, "")
	first.stop(t)
	want(registry.EventAway, "")
	serve(t, zmq, first.endpoint())
	for e := range events { // that it was gone depends on who is first
		if e.Kind == registry.EventLive {
			break
		}
	}
	register(t, c, instance("other", "1"), long)
	register(t, c, instance("calc", "2"), long)
	for e := range events {
		if name := e.Entry.GetInstance().GetName(); name == "other" {
			t.Errorf("the watcher is told of %s", name)
		}
	}
}

func TestWatchOfANameTellsOfNoOther(t *testing.T) {
	c, _ := pair(t, tcp)
	register(t, c, instance("calc", "1"), long)
	register(t, c, instance("other", "1"), long)
	f := follow(t, c, "calc")
	awaitView(t, f, "calc/1")
	for i := range 10 {
		register(t, c, instance("other", fmt.Sprint(i)), long)
	}
	register(t, c, instance("calc", "2"), long)
	awaitView(t, f, "calc/1 calc/2")
	awaitView(t, follow(t, c, "nobody"), "")
}

// TestWatchResumesWithChangesAlone retries with what it knows, as a client does
// whose connection was lost.
func TestWatchResumesWithChangesAloneAndAStrangerGetsATable(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp, registry.WithLimits(registry.Limits{History: 3}))
	c := dial(t, zmq, s.endpoint())
	for i := range 5 {
		register(t, c, instance("calc", fmt.Sprint(i)), long)
	}
	conn := must(call.Dial(zmq, s.endpoint()))(t)
	defer conn.Close()
	stub := mitterev1mittere.NewRegistryServiceClient(conn)
	epoch := must(stub.List(patient(t), &mitterev1.ListRequest{}))(t).GetEpoch()
	firstOf := func(req *mitterev1.WatchRequest) *mitterev1.WatchResponse {
		for told, err := range stub.Watch(patient(t), req) {
			ok(t, err)
			return told
		}
		t.Fatal("the watch ended")
		return nil
	}
	if told := firstOf(&mitterev1.WatchRequest{Epoch: epoch, Revision: 3}); told.GetChange() == nil || told.GetRevision() != 4 {
		t.Errorf("who knows revision 3 is told %v", told)
	}
	if told := firstOf(&mitterev1.WatchRequest{Epoch: epoch, Revision: 5}); told.GetChange() != nil || told.GetSnapshot() != nil || told.GetRevision() != 5 {
		t.Errorf("who knows everything is told %v", told)
	}
	for name, req := range map[string]*mitterev1.WatchRequest{
		"is too far behind":   {Epoch: epoch, Revision: 1},
		"is from the future":  {Epoch: epoch, Revision: 99},
		"knows another epoch": {Epoch: []byte("other"), Revision: 5},
		"knows nothing":       {},
	} {
		if told := firstOf(req); len(told.GetSnapshot().GetEntries()) != 5 || told.GetRevision() != 5 {
			t.Errorf("who %s is told %v", name, told)
		}
	}
}

// TestSlowWatcherIsToldTheTableInstead reads nothing for longer than the history
// lasts.
func TestSlowWatcherIsToldTheTableInstead(t *testing.T) {
	c, _ := pair(t, tcp, registry.WithLimits(registry.Limits{History: 10}))
	proceed, tables, ended := make(chan struct{}), make(chan int, 1000), make(chan struct{})
	known := map[string]bool{}
	go func() {
		defer close(ended)
		for told := range c.News(patient(t), "") {
			apply(known, told)
			if told.GetSnapshot() != nil {
				tables <- len(told.GetSnapshot().GetEntries())
			}
			if len(known) == 49 && !known["calc/0"] {
				return
			}
			<-proceed
		}
	}()
	<-tables
	var last [50]*registry.Registration // each replaces the one before it
	for i := range 500 {                // more than the credit of a stream and the history together
		last[i%50] = register(t, c, instance("calc", fmt.Sprint(i%50)), long+time.Duration(i))
	}
	close(proceed)
	if n := <-tables; n != 50 {
		t.Errorf("the table has %d entries", n)
	}
	ok(t, last[0].Withdraw(patient(t)))
	<-ended
	if len(known) != 49 {
		t.Errorf("the watcher knows %v", known)
	}
}

// apply brings what somebody knows up to date, as docs/registry.md tells it.
func apply(known map[string]bool, told *mitterev1.WatchResponse) {
	if told.GetSnapshot() != nil {
		clear(known)
	}
	for _, e := range told.GetSnapshot().GetEntries() {
		known[keysOf([]*mitterev1.Entry{e})] = true
	}
	switch key := keysOf([]*mitterev1.Entry{told.GetChange().GetEntry()}); told.GetChange().GetKind() {
	case mitterev1.Change_KIND_PUT:
		known[key] = true
	case mitterev1.Change_KIND_WITHDRAWN, mitterev1.Change_KIND_EXPIRED:
		delete(known, key)
	}
}

func TestLargeTableArrivesInPartsOfWhichNoViewIsOne(t *testing.T) {
	const size = 5000
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	fill(t, zmqStub(t, s), numbered("calc", size)...)
	c := dial(t, zmq, s.endpoint())
	parts, entries := 0, 0
	for told := range c.News(patient(t), "") {
		parts++
		entries += len(told.GetSnapshot().GetEntries())
		if told.GetChange() != nil {
			entries++
		}
		if told.GetRevision() != 0 {
			break
		}
	}
	if parts < 2 || entries != size {
		t.Errorf("%d entries came in %d parts", entries, parts)
	}
	f := c.Follow("")
	for {
		changed, v := f.Changed(), f.View()
		if n := len(v.Entries); n != 0 && n != size {
			t.Fatalf("a view has %d entries", n)
		}
		if v.Live {
			break
		}
		<-changed
	}
	if v := f.View(); len(v.Entries) != size || !slices.IsSortedFunc(v.Entries, func(a, b *mitterev1.Entry) int {
		return strings.Compare(a.GetInstance().GetId(), b.GetInstance().GetId())
	}) {
		t.Errorf("the view has %d entries, or not in their order", len(v.Entries))
	}
}

// TestTableLargerThanAMessageCanBeWatched has instances as large as they may be.
func TestTableLargerThanAMessageCanBeWatched(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	large := numbered("large", 1100) // 69 MB
	for _, i := range large {
		i.Version = strings.Repeat("v", store.MaxInstanceBytes-200)
	}
	fill(t, zmqStub(t, s), large...)
	f := follow(t, dial(t, zmq, s.endpoint()), "")
	if got := len(f.View().Entries); got != len(large) {
		t.Errorf("the view has %d entries", got)
	}
	_, err := dial(t, zmq, s.endpoint()).List(patient(t)) // one message has no room for all
	wantCode(t, err, messaging.ResourceExhausted)
}

// zmqStub returns a client for calls without more, until the test ends.
func zmqStub(t testing.TB, s *running) *mitterev1mittere.RegistryServiceClient {
	conn := must(call.Dial(newContext(t), s.endpoint()))(t)
	t.Cleanup(func() { ok(t, conn.Close()) })
	return mitterev1mittere.NewRegistryServiceClient(conn)
}

// fill registers instances with a long lease, many at once.
func fill(t testing.TB, stub *mitterev1mittere.RegistryServiceClient, instances ...*mitterev1.Instance) {
	t.Helper()
	var all sync.WaitGroup
	for part := range slices.Chunk(instances, (len(instances)+19)/20) {
		all.Go(func() {
			for _, i := range part {
				if _, err := stub.Register(patient(t), &mitterev1.RegisterRequest{Instance: i, LeaseNano: int64(time.Hour)}); err != nil {
					t.Errorf("register: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestThousandWatchersAreAllTold(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	var followers []*registry.Follower
	for range 10 {
		c := dial(t, zmq, s.endpoint())
		for range 100 {
			followers = append(followers, c.Follow("calc"))
		}
	}
	for _, f := range followers {
		ok(t, f.Wait(patient(t)))
	}
	owner := dial(t, zmq, s.endpoint())
	r := register(t, owner, instance("calc", "1"), long)
	began := time.Now()
	for _, f := range followers {
		awaitView(t, f, "calc/1")
	}
	soon(t, "telling all", began)
	ok(t, r.Withdraw(patient(t)))
	for _, f := range followers {
		awaitView(t, f, "")
	}
	s.stop(t) // soon, too
}

// TestStressOfConnectionCutsLosesNoChange cuts the connection of a watcher again
// and again while instances come and go. What it was told must end in what the
// registry holds.
func TestStressOfConnectionCutsLosesNoChange(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp, registry.WithLimits(registry.Limits{History: 1000}))
	cut := newCutter(t, s.endpoint())
	watcher := dial(t, zmq, cut.endpoint())
	all, calc := watcher.Follow(""), watcher.Follow("calc")
	stub := zmqStub(t, s)
	until := time.Now().Add(faulttest.Length(t) / 2)
	var changes int
	for ; time.Now().Before(until); changes++ {
		name, id := []string{"calc", "echo"}[rand.IntN(2)], fmt.Sprint(rand.IntN(20))
		if rand.IntN(2) == 0 {
			fill(t, stub, instance(name, id))
		} else {
			must(stub.Withdraw(patient(t), &mitterev1.WithdrawRequest{Name: name, Id: id}))(t)
		}
		if changes%200 == 0 {
			cut.all()
		}
	}
	t.Logf("%d changes, %d cuts", changes, cut.count())
	awaitView(t, all, keysOf(list(t, watcher)))
	awaitView(t, calc, keysOf(must(watcher.Resolve(patient(t), "calc"))(t)))
}

// cutter passes connections on to a registry, and cuts them.
type cutter struct {
	listener net.Listener
	target   string
	relays   sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	cuts  int
}

// newCutter returns one until the test ends.
func newCutter(t testing.TB, endpoint string) *cutter {
	t.Helper()
	c := &cutter{listener: must(net.Listen("tcp", "127.0.0.1:0"))(t), target: strings.TrimPrefix(endpoint, "tcp://")}
	c.relays.Go(c.accept)
	t.Cleanup(func() {
		_ = c.listener.Close()
		c.all()
		c.relays.Wait()
	})
	return c
}

// endpoint returns where to connect to.
func (c *cutter) endpoint() string { return "tcp://" + c.listener.Addr().String() }

// accept takes connections until the listener is closed.
func (c *cutter) accept() {
	for {
		from, err := c.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", c.target)
		if err != nil {
			_ = from.Close()
			continue
		}
		c.add(from, to)
		c.relays.Go(func() { relay(from, to) })
		c.relays.Go(func() { relay(to, from) })
	}
}

// relay copies until one side is closed, and closes the other.
func relay(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// add notes connections.
func (c *cutter) add(conns ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, conns...)
}

// all cuts all connections.
func (c *cutter) all() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.conns) > 0 {
		c.cuts++
	}
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

// count returns how often something was cut.
func (c *cutter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}
