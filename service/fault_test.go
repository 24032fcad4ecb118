package service_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service"
)

func TestFaultInstancesAreKilledUnderLoad(t *testing.T) {
	f := startFleet(t, newContext(t), "")
	var kills int
	tr := drive(f, func() { kills = faulttest.Again(t, f.killOne) })
	tr.report(t, fmt.Sprintf("%d instances killed", kills))
	tr.WantNoErrors(t, "Echo")
	for _, kind := range []string{"Store", "Numbers"} { // some that ran when their instance died
		for code, n := range tr.Errors(kind) {
			if code != messaging.Unavailable {
				t.Errorf("%d calls of %s ended with %v", n, kind, code)
			}
		}
	}
}

// TestFaultInstancesAreKilledWhileTheRegistryIsAway kills an instance while there is
// no registry to tell of that, which has forgotten all when it comes back.
func TestFaultInstancesAreKilledWhileTheRegistryIsAway(t *testing.T) {
	f := startFleet(t, newContext(t), "")
	kills := 0
	tr := drive(f, func() {
		kills = faulttest.Again(t, func() {
			f.names.Kill()
			f.killOne()
			f.startNames()
			eventually(t, "all services are there again", func() bool { return f.listed() == 6 })
		})
	})
	tr.report(t, fmt.Sprintf("%d instances killed, the registry each time before", kills))
	tr.WantNoErrors(t, "Echo")
}

// TestStressRollingRestartFailsNoCall terminates each instance, one after the
// other, and starts another one in its place.
func TestStressRollingRestartFailsNoCall(t *testing.T) {
	f := startFleet(t, newContext(t), "")
	restarts := 0
	tr := drive(f, func() {
		restarts = faulttest.Again(t, f.replaceOldest)
		for ; restarts < 6; restarts++ {
			f.replaceOldest()
		}
	})
	tr.report(t, fmt.Sprintf("%d instances restarted", restarts))
	tr.WantNoErrors(t, "Echo", "Store", "Numbers")
}

func TestFaultRegistryIsKilledUnderTheSameLoad(t *testing.T) {
	for name, table := range map[string]string{"with a store": "table.db", "without a store": ""} {
		t.Run(name, func(t *testing.T) {
			if table != "" {
				table = filepath.Join(t.TempDir(), table)
			}
			f := startFleet(t, newContext(t), table)
			var kills int
			var longest time.Duration
			tr := drive(f, func() {
				kills = faulttest.Again(t, func() {
					f.killNames()
					began := time.Now()
					eventually(t, "all services are there again", func() bool { return f.listed() == 6 })
					soon(t, "the return of all services", began)
					longest = max(longest, time.Since(began))
				})
			})
			tr.report(t, fmt.Sprintf("registry killed %d times; all services there again after at most %v", kills, longest.Round(time.Millisecond)))
			tr.WantNoErrors(t, "Echo", "Store", "Numbers")
		})
	}
}

// TestFaultKilledRegistryWithAStoreKnowsAllBeforeAnyoneRenews enters instances that
// nobody renews.
func TestFaultKilledRegistryWithAStoreKnowsAllBeforeAnyoneRenews(t *testing.T) {
	zmq := newContext(t)
	at := task{Endpoint: tcp, Table: filepath.Join(t.TempDir(), "table.db")}
	names := start(t, "registry", at)
	at.Endpoint = names.endpoint()
	once := must(registry.NewClient(zmq, at.Endpoint))(t)
	for i := range 10 {
		r := once.Register(&mitterev1.Instance{Name: "x", Id: fmt.Sprint(i), Endpoints: []string{"tcp://127.0.0.1:1"}}, time.Hour)
		ok(t, r.Wait(patient(t)))
	}
	ok(t, once.Close())
	names.Kill()
	start(t, "registry", at).endpoint()
	later := must(registry.NewClient(zmq, at.Endpoint))(t)
	entries, err := later.List(patient(t))
	ok(t, err)
	if len(entries) != 10 {
		t.Errorf("the registry knows %d instances, want 10", len(entries))
	}
	ok(t, later.Close())
}

// startInstance starts an instance of the EchoService that is called directly.
func startInstance(t testing.TB, endpoint, id string) *child {
	t.Helper()
	return start(t, "instance", task{Endpoint: endpoint, Name: echoService, ID: id, Heartbeat: often})
}

// clientAt returns a client of instances at endpoints that notices soon who stands
// still.
func clientAt(t testing.TB, zmq *comm.Context, endpoints ...string) *service.Client {
	t.Helper()
	c := newClient(t, zmq, service.FromEndpoints(endpoints...), service.WithHeartbeat(often))
	awaitReady(t, c, len(endpoints))
	return c
}

func TestFaultInstanceThatIsPausedIsLeftAloneUntilItGoesOn(t *testing.T) {
	t.Parallel() // it waits rather than works
	first, second := startInstance(t, tcp, "first"), startInstance(t, tcp, "second")
	c := clientAt(t, newContext(t), first.endpoint(), second.endpoint())
	first.Halt()
	began := time.Now()
	for range 20 { // those that went to the first one go to the second after three heartbeats
		if instance := wantEcho(t, c); instance != "second" {
			t.Fatalf("%s answered, which is paused", instance)
		}
	}
	soon(t, "20 calls", began)
	awaitReady(t, c, 1)
	first.Continue()
	awaitReady(t, c, 2)
	eventually(t, "the first one is called again", func() bool { return wantEcho(t, c) == "first" })
}

func TestFaultCallsOfAKilledClientAreCancelled(t *testing.T) {
	depot := newDepot()
	zmq := newContext(t)
	s := serve(t, zmq, storing(depot.store), service.WithBind(tcp))
	client := start(t, "client", task{Endpoint: s.Endpoints()[0], Name: echoService, Heartbeat: 20 * time.Second})
	ctx := receive(t, "the call", depot.begun)
	began := time.Now()
	client.Kill()
	<-ctx.Done()
	soon(t, "the end of the handler's context", began)
	wantCode(t, context.Cause(ctx), messaging.Unavailable)
}

func TestFaultStoppedInstanceExecutesNothingThatExpired(t *testing.T) {
	s := startInstance(t, tcp, "only")
	c := clientAt(t, newContext(t), s.endpoint())
	must(askStore(patient(t), c, 1))(t)
	s.Halt()
	for item := range uint64(20) {
		_, err := askStore(within(t, 10*time.Millisecond), c, 100+item)
		if code := messaging.CodeOf(err); code != messaging.DeadlineExceeded && code != messaging.Unavailable {
			t.Errorf("the call ended with %v", err)
		}
	}
	// The instance knows how old a request is to within a round trip; the last one
	// expired longer ago than that.
	time.Sleep(500 * time.Millisecond)
	s.Continue()
	wantEcho(t, c)
	item := uint64(200)
	eventually(t, "it stores again", func() bool { item++; _, err := askStore(patient(t), c, item); return err == nil })
	for _, item := range s.Said("executes ") {
		if len(item) == 3 && item[0] == '1' {
			t.Errorf("the instance executed %s, which had expired", item)
		}
	}
}

func TestFaultCallsWaitForTheOnlyInstanceToComeBack(t *testing.T) {
	dead := startInstance(t, tcp, "dead")
	endpoint := dead.endpoint()
	c := clientAt(t, newContext(t), endpoint)
	errs := make(chan error, 20)
	dead.Halt()
	for range cap(errs) {
		go func() {
			_, err := askEcho(patient(t), c, "x")
			errs <- err
		}()
	}
	dead.Kill()
	startInstance(t, endpoint, "next")
	for range cap(errs) {
		ok(t, receive(t, "an answer", errs))
	}
}

func TestFaultInstanceIsFoundAgainUnderItsIDAtAnotherPort(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	c := newClient(t, zmq, service.FromRegistry(n.endpoint))
	for range 3 {
		i := start(t, "instance", task{Endpoint: tcp, Registry: n.endpoint, Name: echoService, ID: "same", Heartbeat: often})
		i.endpoint()
		wantEcho(t, c)
		eventually(t, "there is one instance", func() bool { return len(c.Members()) == 1 })
		i.Kill()
	}
}

func TestFaultNewProcessOnADeadOnesPortExecutesNothingMeantForIt(t *testing.T) {
	dead := startInstance(t, tcp, "dead")
	endpoint := dead.endpoint()
	c := clientAt(t, newContext(t), endpoint)
	must(askStore(patient(t), c, 1))(t)
	dead.Halt() // what is sent now waits in the connection, or in the socket
	errs := make(chan error, 100)
	for item := range uint64(cap(errs)) {
		go func() {
			_, err := askStore(patient(t), c, 100+item)
			errs <- err
		}()
	}
	dead.Kill()
	next := startInstance(t, endpoint, "next")
	refused := 0
	for range cap(errs) {
		if err := <-errs; err != nil {
			wantCode(t, err, messaging.Unavailable)
			refused++
		}
	}
	must(askStore(patient(t), c, 2))(t)
	want := cap(errs) - refused + 1
	eventually(t, "it says what was answered", func() bool { return len(next.Said("executes ")) >= want })
	if got := len(next.Said("executes ")); got != want {
		t.Errorf("the new process executed %d calls, want the %d that were answered", got, want)
	}
}

// TestFaultIdempotentCallIsExecutedAgainThoughItWasCancelled stops the only
// instance while the call runs, so that both sides end the session and the handler
// is cancelled.
func TestFaultIdempotentCallIsExecutedAgainThoughItWasCancelled(t *testing.T) {
	t.Parallel() // it waits rather than works
	s := startInstance(t, tcp, "only")
	c := clientAt(t, newContext(t), s.endpoint())
	repeatable := storeMethod
	repeatable.Idempotency = call.Idempotent
	p := call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](c, repeatable), &testv1.StoreRequest{Item: 1, TakesMs: 600_000})
	s.Await("executes 1")
	s.Halt()
	halted := time.Now()
	eventually(t, "both sides end the session", func() bool { return len(ready(c)) == 0 && time.Since(halted) > 5*often })
	s.Continue()
	must(p.Wait(patient(t)))(t)
	// On a slow machine a session may end once more.
	eventually(t, "it was executed again", func() bool { return len(s.Said("executes 1")) >= 2 })
}
