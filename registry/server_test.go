package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/store"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

func TestInstancesAreFoundOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, endpoint string) {
		c, _ := pair(t, endpoint)
		ctx := patient(t)
		_, err := c.Resolve(ctx, "calc")
		wantCode(t, err, messaging.NotFound)
		f := follow(t, c, "")
		wantList(t, c, "")
		first := register(t, c, instance("calc", "1"), 0)
		register(t, c, instance("calc", "2"), 0)
		register(t, c, instance("echo", "1"), 0)
		wantList(t, c, "calc/1 calc/2 echo/1")
		found := must(c.Resolve(ctx, "calc"))(t)
		if keysOf(found) != "calc/1 calc/2" || found[0].GetLeaseNano() != int64(registry.DefaultLease) {
			t.Errorf("found %v", found)
		}
		awaitView(t, f, "calc/1 calc/2 echo/1")
		ok(t, first.Withdraw(ctx))
		wantList(t, c, "calc/2 echo/1")
		awaitView(t, f, "calc/2 echo/1")
	})
}

func TestWithdrawnInstanceIsGoneAtOnceForWatchers(t *testing.T) {
	c, _ := pair(t, tcp)
	f := follow(t, c, "calc")
	r := register(t, c, instance("calc", "1"), long)
	awaitView(t, f, "calc/1")
	began := time.Now()
	ok(t, r.Withdraw(patient(t)))
	awaitView(t, f, "")
	soon(t, "the news", began)
	wantCode(t, r.Wait(patient(t)), messaging.Unavailable) // it is not registered again
}

func TestHealthIsSeenByWatchersAtOnceAndKept(t *testing.T) {
	t.Parallel()
	c, _ := pair(t, tcp)
	f := follow(t, c, "calc")
	r := register(t, c, instance("calc", "1"), time.Second)
	for _, health := range []mitterev1.Health{mitterev1.Health_HEALTH_NOT_SERVING, mitterev1.Health_HEALTH_SERVING, mitterev1.Health_HEALTH_DRAINING} {
		began := time.Now()
		r.SetHealth(health)
		eventually(t, health.String(), func() bool {
			v := f.View()
			return len(v.Entries) == 1 && v.Entries[0].GetInstance().GetHealth() == health
		})
		soon(t, "the news", began)
	}
	ok(t, r.Wait(patient(t)))
	<-time.After(1500 * time.Millisecond) // several renewals, and more than a lease
	if e := list(t, c)[0]; e.GetInstance().GetHealth() != mitterev1.Health_HEALTH_DRAINING || e.GetRevision() != 4 {
		t.Errorf("after renewals the entry is %v", e)
	}
}

func TestRefusedRegistrationSaysWhy(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	c := dial(t, zmq, s.endpoint())
	for name, wrong := range map[string]*mitterev1.Instance{
		"nothing":    nil,
		"no name":    instance("", "1"),
		"no id":      instance("calc", ""),
		"dīvidere's": instance("calc", registry.PlainID),
		"too large":  {Name: "calc", Id: "1", Endpoints: []string{"tcp://h:1"}, Version: strings.Repeat("v", store.MaxInstanceBytes)},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.Register(wrong, 0)
			wantCode(t, r.Wait(patient(t)), messaging.InvalidArgument)
			wantCode(t, r.Err(), messaging.InvalidArgument)
			ctx, cancel := context.WithTimeout(patient(t), time.Second)
			defer cancel()
			_ = r.Withdraw(ctx)
		})
	}
	wantList(t, c, "")
}

func TestFullRegistryRefusesAndTakesWhenThereIsRoom(t *testing.T) {
	c, _ := pair(t, tcp, registry.WithLimits(registry.Limits{MaxInstances: 1}))
	first := register(t, c, instance("calc", "1"), long)
	second := c.Register(instance("calc", "2"), long)
	eventually(t, "the second is refused", func() bool { return messaging.CodeOf(second.Err()) == messaging.ResourceExhausted })
	ok(t, first.Withdraw(patient(t)))
	ok(t, second.Wait(patient(t)))
	wantList(t, c, "calc/2")
}

func TestWrongOptionsAreReportedAllAtOnce(t *testing.T) {
	_, err := registry.NewServer(newContext(t), tcp,
		registry.WithLogger(nil), registry.WithStore(nil), registry.WithLimits(registry.Limits{History: -1, MinLease: time.Hour}))
	wantCode(t, err, messaging.InvalidArgument)
	for _, want := range []string{"logger", "store", "changes", "leases"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not tell of the %s", err, want)
		}
	}
}

func TestEndpointInUseIsAnErrorAndLeavesNothingOpen(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	if _, err := registry.NewServer(zmq, s.endpoint()); err == nil {
		t.Error("two registries at one endpoint")
	}
	if _, err := registry.NewServer(zmq, tcp, registry.WithEvents(s.endpoint())); err == nil {
		t.Error("events at the endpoint of another")
	}
}

func TestRegistryThatNeverRanCanBeClosed(t *testing.T) {
	s := must(registry.NewServer(newContext(t), tcp, registry.WithEvents(tcp)))(t)
	if len(s.EventEndpoints()) != 1 {
		t.Errorf("events at %v", s.EventEndpoints())
	}
	ok(t, s.Close())
	ok(t, s.Close())
}

func TestRegistryRunsOnce(t *testing.T) {
	c, s := pair(t, tcp)
	wantList(t, c, "") // it runs
	wantCode(t, s.Run(patient(t)), messaging.FailedPrecondition)
}

func TestRegistryEndsWhenItsSocketIsClosed(t *testing.T) {
	s := must(registry.NewServer(newContext(t), tcp, registry.WithLogger(slog.New(slog.DiscardHandler))))(t)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.Background()) }()
	ok(t, s.Close())
	select {
	case err := <-ended:
		if err == nil {
			t.Error("Run ended without an error")
		}
	case <-time.After(patience):
		t.Fatal("Run goes on without a socket")
	}
}

// TestRegistryStopsSoon has watchers connected, one of which reads nothing, and
// an owner. running.stop says how soon.
func TestRegistryStopsSoonThoughWatchersAreConnected(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	c := dial(t, zmq, s.endpoint())
	register(t, c, instance("calc", "1"), long)
	for range 20 {
		follow(t, c, "")
	}
	began := time.Now()
	s.stop(t)
	if took := time.Since(began); took > time.Second {
		t.Errorf("the registry took %v to stop", took)
	}
	_, err := c.List(briefly(t))
	wantCode(t, err, messaging.Unavailable)
}

// briefly returns a context for what must fail.
func briefly(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestGarbageOnThePortDoesNoHarm(t *testing.T) {
	c, s := pair(t, tcp)
	register(t, c, instance("calc", "1"), long)
	for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", strings.Repeat("\xff", 100_000), "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f", ""} {
		conn := must(net.Dial("tcp", strings.TrimPrefix(s.endpoint(), "tcp://")))(t)
		_, _ = io.WriteString(conn, garbage) // the registry may hang up
		ok(t, conn.Close())
	}
	wantList(t, c, "calc/1")
}

func TestManyInstancesOfOneNameAreResolvedInOrder(t *testing.T) {
	c, _ := pair(t, tcp)
	var all []*registry.Registration
	var want []string
	for _, i := range numbered("calc", 200) {
		all = append(all, c.Register(i, long))
		want = append(want, "calc/"+i.GetId())
	}
	for _, r := range all {
		ok(t, r.Wait(patient(t)))
	}
	if got := keysOf(must(c.Resolve(patient(t), "calc"))(t)); got != strings.Join(want, " ") {
		t.Errorf("resolved %s", got)
	}
}

func TestClosedClientEndsEverythingItDoes(t *testing.T) {
	t.Parallel()
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	other := dial(t, zmq, s.endpoint())
	c := must(registry.NewClient(zmq, s.endpoint()))(t)
	r := register(t, c, instance("calc", "1"), time.Second)
	f := follow(t, c, "")
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for range c.Watch(context.Background(), "") {
		}
	}()
	began := time.Now()
	ok(t, c.Close())
	<-watched
	soon(t, "the end", began)
	wantCode(t, r.Wait(patient(t)), messaging.Unavailable)
	wantCode(t, r.Withdraw(patient(t)), messaging.Unavailable)
	if v := f.View(); v.Live || !has(v.Entries, "calc", "1") {
		t.Errorf("the view is %+v", v)
	}
	wantList(t, other, "calc/1") // for its lease
	eventually(t, "the lease ends", func() bool { return len(list(t, other)) == 0 })
}

func TestWaitWithoutRegistrySaysThatItIsAway(t *testing.T) {
	zmq := newContext(t)
	c := dial(t, zmq, "tcp://127.0.0.1:1")
	wantCode(t, c.Follow("").Wait(briefly(t)), messaging.Unavailable)
	err := c.Register(instance("calc", "1"), 0).Wait(briefly(t))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
	if strings.Contains(fmt.Sprint(err), "%!") {
		t.Errorf("the error is %v", err)
	}
	if c.Connected() {
		t.Error("connected to nobody")
	}
}
