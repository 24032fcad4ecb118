package service_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

// tally counts calls by who answers them.
type tally struct {
	mu sync.Mutex
	by map[string]int
}

// add counts a call.
func (y *tally) add(instance string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.by == nil {
		y.by = map[string]int{}
	}
	y.by[instance]++
}

func TestRoundRobinGivesEachInstanceAsMany(t *testing.T) {
	zmq := newContext(t)
	var servers []*server
	for _, id := range []string{"a", "b", "c"} {
		servers = append(servers, serve(t, zmq, handlers(), service.WithBind(inproc()), service.WithID(id)))
	}
	c := clientOf(t, zmq, servers, service.WithBalance(service.RoundRobin))
	var got tally
	for range 30 {
		got.add(wantEcho(t, c))
	}
	if got.by["a"] != 10 || got.by["b"] != 10 || got.by["c"] != 10 {
		t.Errorf("the instances got %v calls, want 10 each", got.by)
	}
}

func TestLeastOutstandingGivesASlowInstanceNothingMoreUntilItAnswers(t *testing.T) {
	zmq := newContext(t)
	depot := newDepot()
	c := clientOf(t, zmq, []*server{
		serve(t, zmq, storing(depot.store), service.WithBind(inproc()), service.WithID("slow")),
		serve(t, zmq, handlers(), service.WithBind(inproc()), service.WithID("fast")),
	})
	slow, fast := goStore(patient(t), c, 1), goStore(patient(t), c, 2) // in turn, or the other way about
	receive(t, "a call at the slow one", depot.begun)
	select {
	case <-slow.Done():
		slow = fast
	case <-fast.Done():
	}
	for range 100 {
		if by := wantEcho(t, c); by != "fast" {
			t.Fatalf("a call went to %s, which has one", by)
		}
	}
	close(depot.proceed)
	must(slow.Wait(patient(t)))(t)
	var got tally
	for range 10 {
		got.add(wantEcho(t, c))
	}
	if got.by["slow"] != 5 || got.by["fast"] != 5 {
		t.Errorf("when none was slow the instances got %v calls, want 5 each", got.by)
	}
}

func TestLeastOutstandingSpreadsCallsThatLast(t *testing.T) {
	zmq := newContext(t)
	depots := []*depot{newDepot(), newDepot(), newDepot()}
	var servers []*server
	for _, d := range depots {
		servers = append(servers, serve(t, zmq, storing(d.store), service.WithBind(inproc())))
	}
	c := clientOf(t, zmq, servers)
	for item := range uint64(12) {
		goStore(patient(t), c, item)
	}
	for _, d := range depots {
		for range 4 {
			receive(t, "a call", d.begun)
		}
	}
	for _, d := range depots { // all calls have begun: none is picked by who has fewer now
		close(d.proceed)
	}
}

func TestRefusedCallIsTriedElsewhere(t *testing.T) {
	zmq := newContext(t)
	depot := newDepot()
	full := serve(t, zmq, storing(depot.store), service.WithBind(inproc()), service.WithLimits(2, 0))
	free := serve(t, zmq, handlers(), service.WithBind(inproc()))
	direct := clientOf(t, zmq, []*server{full})
	goStore(patient(t), direct, 1)
	goStore(patient(t), direct, 2)
	receive(t, "a call", depot.begun)
	receive(t, "another call", depot.begun)
	c := clientOf(t, zmq, []*server{full, free}, service.WithBalance(service.RoundRobin))
	for item := range uint64(10) {
		must(askStore(patient(t), c, 10+item))(t)
	}
	if got := stats(t, direct).GetRefused(); got < 5 {
		t.Errorf("the full instance refused %d calls, want 5 at least", got)
	}
	close(depot.proceed)
}

// failing answers with UNAVAILABLE, as who lost what it needs itself, and counts.
type failing struct{ echoes, stores atomic.Int64 }

func (f *failing) echo(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	f.echoes.Add(1)
	return nil, messaging.Errorf(messaging.Unavailable, "on purpose")
}

func (f *failing) store(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error) {
	f.stores.Add(1)
	return nil, messaging.Errorf(messaging.Unavailable, "on purpose")
}

// TestCallsGoElsewhereWhereAWelcomeCannotBeTaken has a server beside a good one that
// accepts sessions which would end at once, or carry nothing.
func TestCallsGoElsewhereWhereAWelcomeCannotBeTaken(t *testing.T) {
	for name, hostile := range map[string]*mitterev1.Welcome{
		"a heartbeat without end": {Session: 1, HeartbeatNano: 1 << 62},
		"frames of one byte":      {Session: 1, HeartbeatNano: 1e9, Limits: &mitterev1.Limits{FrameBytes: 1}},
		"no session":              {HeartbeatNano: 1e9},
	} {
		t.Run(name, func(t *testing.T) {
			zmq := newContext(t)
			router := must(comm.NewRouter(zmq, tcp))(t)
			welcomed := make(chan struct{}, 100)
			var serving sync.WaitGroup
			defer serving.Wait()
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			serving.Go(func() {
				for {
					m, err := router.Recv(ctx)
					if err != nil {
						return
					}
					_ = router.Send(ctx, comm.NewMessage(append(m.Frames[:1:1], word(hostile, nil)...)...))
					welcomed <- struct{}{}
				}
			})
			good := serve(t, zmq, handlers(), service.WithBind(tcp), service.WithID("good"))
			c := newClient(t, zmq, service.FromEndpoints(router.Endpoints()[0], good.Endpoints()[0]), service.WithTries(1))
			receive(t, "the welcome", welcomed)
			for range 20 {
				if who := wantEcho(t, c); who != "good" {
					t.Errorf("%q answered", who)
				}
			}
		})
	}
}

func TestOnlyIdempotentCallsAreRepeatedAfterTheyWereSent(t *testing.T) {
	zmq := newContext(t)
	var f failing
	var stored atomic.Int64
	counted := func(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		stored.Add(1)
		return store(ctx, r)
	}
	c := clientOf(t, zmq, []*server{
		serve(t, zmq, serving(f.echo, f.store), service.WithBind(inproc())),
		serve(t, zmq, storing(counted), service.WithBind(inproc())),
	}, service.WithBalance(service.RoundRobin))
	for range 10 {
		wantEcho(t, c)
	}
	if f.echoes.Load() == 0 {
		t.Error("the failing instance was not called")
	}
	failures := 0
	for item := range uint64(10) {
		if _, err := askStore(patient(t), c, item); err != nil {
			failures++
			if wantCode(t, err, messaging.Unavailable); messaging.Refused(err) {
				t.Errorf("%v: it was executed", err)
			}
		}
	}
	if failures != int(f.stores.Load()) || failures+int(stored.Load()) != 10 || failures == 0 {
		t.Errorf("%d of 10 calls failed, %d and %d were executed", failures, f.stores.Load(), stored.Load())
	}
}

func TestTriesAreAsManyAsAllowedWithATimeBetween(t *testing.T) {
	for _, tries := range []int{1, 4} {
		zmq := newContext(t)
		var f failing
		s := serve(t, zmq, serving(f.echo, f.store), service.WithBind(inproc()))
		c := clientOf(t, zmq, []*server{s}, service.WithTries(tries))
		began := time.Now()
		_, err := askEcho(patient(t), c, "x")
		wantCode(t, err, messaging.Unavailable)
		took := time.Since(began)
		if got := int(f.echoes.Load()) + int(stats(t, c).GetRepeated()); got != tries {
			t.Errorf("it was tried %d times, want %d", got, tries)
		}
		if least := time.Duration(1<<(tries-1)-1) * 5 * time.Millisecond; took < least {
			t.Errorf("%d tries took %v, want %v at least", tries, took, least)
		}
	}
}

func TestCallThatFailedWhereItMayHaveBeenExecutedIsNotRefused(t *testing.T) {
	zmq := newContext(t)
	depot := newDepot()
	var f failing
	failing := serve(t, zmq, serving(f.echo, f.store), service.WithBind(inproc()))
	full := serve(t, zmq, storing(depot.store), service.WithBind(inproc()), service.WithLimits(2, 0))
	goStore(patient(t), clientOf(t, zmq, []*server{full}), 1)
	goStore(patient(t), clientOf(t, zmq, []*server{full}), 2)
	receive(t, "a call", depot.begun)
	receive(t, "another call", depot.begun)
	c := clientOf(t, zmq, []*server{failing, full}, service.WithTries(2))
	for range 2 { // one ends at each of them
		if _, err := askEcho(patient(t), c, "x"); err == nil || messaging.Refused(err) {
			t.Errorf("%v: want an error that does not say refused", err)
		}
	}
	close(depot.proceed)
}

func TestCallsSayWhyNobodyTookThem(t *testing.T) {
	t.Parallel() // it waits rather than works
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	nowhere := "tcp://127.0.0.1:1"
	elsewhere := n.client.Register(&mitterev1.Instance{Name: "far", Id: "far-1", Endpoints: []string{"inproc://far"}, Context: "another"}, time.Minute)
	ok(t, elsewhere.Wait(patient(t)))
	unwell := serve(t, zmq, handlers(), service.WithRegistry(n.endpoint))
	unwell.SetHealth(mitterev1.Health_HEALTH_NOT_SERVING)
	ok(t, unwell.WaitRegistered(patient(t)))
	for _, test := range []struct {
		name, why string
		from      service.Source
	}{
		{"nobody", "no instance of nobody is known", service.FromRegistry(n.endpoint)},
		{"nobody", "the registry at " + nowhere + " has not answered yet", service.FromRegistry(nowhere)},
		{"nobody", "none of 1 instances of nobody can be reached: " + nowhere + ": connection refused", service.FromEndpoints(nowhere)},
		{"far", "no instance of far can be connected to: far-1 has no endpoint for this process", service.FromRegistry(n.endpoint)},
		{echoService, "is not serving", service.FromRegistry(n.endpoint)},
	} {
		c := must(service.NewClient(zmq, test.name, test.from, service.WithPatience(300*time.Millisecond)))(t)
		_, err := askEcho(patient(t), c, "x")
		if e := wantRefused(t, err, messaging.Unavailable); !strings.Contains(e.Message, test.why) {
			t.Errorf("%q does not say %q", e.Message, test.why)
		}
		_, err = askEcho(within(t, 20*time.Millisecond), c, "x")
		wantRefused(t, err, messaging.Unavailable)
		wantRefused(t, c.Wait(within(t, 20*time.Millisecond)), messaging.Unavailable)
		ok(t, c.Close())
	}
}

func TestCloseEndsCalls(t *testing.T) {
	zmq := newContext(t)
	depot := newDepot()
	s := serve(t, zmq, storing(depot.store), service.WithBind(inproc()))
	c := clientOf(t, zmq, []*server{s})
	p := goStore(patient(t), c, 1)
	ctx := receive(t, "the call", depot.begun)
	waiting := must(service.NewClient(zmq, "nobody", service.FromEndpoints(inproc())))(t)
	w := goStore(patient(t), waiting, 2)
	began := time.Now()
	ok(t, c.Close())
	ok(t, waiting.Close())
	for _, p := range []*call.Pending[*testv1.StoreResponse]{p, w} {
		_, err := p.Wait(patient(t))
		wantCode(t, err, messaging.Unavailable)
	}
	<-ctx.Done()
	soon(t, "the end of the calls", began)
	_, err := askEcho(patient(t), c, "after")
	wantRefused(t, err, messaging.Unavailable)
	wantRefused(t, c.Wait(patient(t)), messaging.Unavailable)
	ok(t, c.Close())
}

func TestCallThatCanGoElsewhereEndsAtOnceWhereNobodyTakesIt(t *testing.T) {
	zmq := newContext(t)
	depot := newDepot()
	s := serve(t, zmq, storing(depot.store), service.WithBind(inproc()))
	c := clientOf(t, zmq, []*server{s})
	nowhere := newClient(t, zmq, service.FromEndpoints(inproc()))
	at := func(c *service.Client) call.Caller { return c.Members()[0].Caller }
	fast := func(c call.Caller) error {
		return c.Call(context.Background(), &call.Request{
			Method: echoMethod, Message: &testv1.EchoRequest{}, Elsewhere: true,
		}, func(*messaging.Envelope) error { return nil })
	}
	ok(t, fast(at(c)))
	wantRefused(t, fast(at(nowhere)), messaging.Unavailable)
	p := goStore(patient(t), c, 1)
	receive(t, "the call", depot.begun)
	s.cancel()
	awaitReady(t, c, 0)
	wantRefused(t, fast(at(c)), messaging.Unavailable)
	close(depot.proceed)
	must(p.Wait(patient(t)))(t)
}

func TestClosedClientOfEndpointsIsUnavailable(t *testing.T) {
	c := must(service.NewClient(newContext(t), "x", service.FromEndpoints(inproc()), service.WithPatience(0)))(t)
	ok(t, c.Close())
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for range 20 { // whatever ends the waiting
		_, err := askEcho(ended, c, "x")
		wantRefused(t, err, messaging.Unavailable)
		_, err = askEcho(context.Background(), c, "x")
		wantRefused(t, err, messaging.Unavailable)
	}
}

func TestInstancesThatAreNotServingGetNoCalls(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	ill := serve(t, zmq, handlers(), service.WithRegistry(n.endpoint), service.WithID("ill"))
	serve(t, zmq, handlers(), service.WithRegistry(n.endpoint), service.WithID("well"))
	c := newClient(t, zmq, service.FromRegistry(n.endpoint))
	awaitReady(t, c, 2)
	ill.SetHealth(mitterev1.Health_HEALTH_NOT_SERVING)
	awaitReady(t, c, 1)
	for range 10 {
		if by := wantEcho(t, c); by != "well" {
			t.Errorf("%s answered, which is not serving", by)
		}
	}
	ill.SetHealth(mitterev1.Health_HEALTH_SERVING)
	awaitReady(t, c, 2)
	ok(t, c.Wait(patient(t)))
}

func TestLastViewIsKeptWhileTheRegistryIsAway(t *testing.T) {
	t.Parallel() // it waits rather than works
	zmq := newContext(t)
	names := start(t, "registry", task{Endpoint: tcp})
	serve(t, zmq, handlers(), service.WithRegistry(names.endpoint()))
	c := newClient(t, zmq, service.FromRegistry(names.endpoint()))
	wantEcho(t, c)
	if v := c.View(); !v.Live || v.Age() != 0 || len(v.Entries) != 1 {
		t.Errorf("the view is %+v, want one live entry", v)
	}
	names.Kill()
	eventually(t, "the loss is noticed", func() bool { return !c.View().Live })
	before := c.View().Age()
	wantEcho(t, c)
	eventually(t, "the view grows old", func() bool { return c.View().Age() > before })
	if v := c.View(); len(v.Entries) != 1 {
		t.Errorf("the view is %+v, want one entry still", v)
	}
}

// TestRegistryThatForgotTakesNoInstanceAway has an instance that does not register
// again, since it hears of the new registry late.
func TestRegistryThatForgotTakesNoInstanceAway(t *testing.T) {
	t.Parallel() // it waits rather than works
	zmq := newContext(t)
	at := task{Endpoint: tcp}
	names := start(t, "registry", at)
	at.Endpoint = names.endpoint()
	late := start(t, "instance", task{
		Endpoint: tcp, Registry: at.Endpoint, Name: echoService, ID: "late", Lease: time.Minute, Heartbeat: 20 * time.Second,
	})
	late.endpoint()
	c := newClient(t, zmq, service.FromRegistry(at.Endpoint))
	wantEcho(t, c)
	late.Halt()
	names.Kill()
	start(t, "registry", at).endpoint()
	epoch := string(c.View().Epoch)
	eventually(t, "the client hears of the new registry", func() bool { v := c.View(); return v.Live && string(v.Epoch) != epoch })
	if got := len(c.Members()); got != 1 {
		t.Errorf("the client knows %d instances, want the one that has not gone", got)
	}
}
