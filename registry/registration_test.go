package registry_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry"
)

// counter is a registry that only counts what it is asked, and answers what it is
// told to.
type counter struct {
	mitterev1mittere.UnimplementedRegistryServiceHandler
	registers, renews atomic.Int64
	lease             time.Duration
	answer            func(n int64) error // to the nth Register and Renew
}

func (c *counter) Register(context.Context, *mitterev1.RegisterRequest) (*mitterev1.RegisterResponse, error) {
	return &mitterev1.RegisterResponse{LeaseNano: int64(c.lease)}, c.answer(c.registers.Add(1))
}

func (c *counter) Renew(context.Context, *mitterev1.RenewRequest) (*mitterev1.RenewResponse, error) {
	return &mitterev1.RenewResponse{LeaseNano: int64(c.lease)}, c.answer(c.renews.Add(1))
}

// serveCounter serves one until the test ends and returns a client of it.
func serveCounter(t testing.TB, c *counter) *registry.Client {
	t.Helper()
	zmq := newContext(t)
	socket := must(messaging.NewServer(zmq, tcp))(t)
	h := reactor.NewHandlers()
	mitterev1mittere.RegisterRegistryService(h, c)
	r := must(reactor.New(h, []reactor.Socket{socket}, reactor.WithLogger(slog.New(slog.DiscardHandler)), reactor.WithHeartbeat(100*time.Millisecond)))(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = r.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		ok(t, socket.Close())
	})
	return dial(t, zmq, socket.Endpoints()[0])
}

func TestRegistrationIsRenewedThreeTimesALeaseAndNoMore(t *testing.T) {
	t.Parallel()
	calls := &counter{lease: 600 * time.Millisecond, answer: func(int64) error { return nil }}
	register(t, serveCounter(t, calls), instance("calc", "1"), 0)
	if n := calls.renews.Load(); n > 0 {
		t.Errorf("%d renewals at once", n)
	}
	began := time.Now()
	eventually(t, "five renewals", func() bool { return calls.renews.Load() >= 5 })
	if took := time.Since(began); took < 900*time.Millisecond || calls.registers.Load() != 1 {
		t.Errorf("five renewals and %d registrations within %v of a lease of %v", calls.registers.Load(), took, calls.lease)
	}
}

func TestRefusedRegistrationIsNotRepeatedWithoutAPause(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]messaging.Code{"wrong": messaging.InvalidArgument, "no room": messaging.ResourceExhausted, "broken": messaging.Internal} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := &counter{answer: func(int64) error { return messaging.Errorf(code, "no") }}
			r := serveCounter(t, calls).Register(instance("calc", "1"), 0)
			eventually(t, "it is refused", func() bool { return messaging.CodeOf(r.Err()) == code })
			<-time.After(500 * time.Millisecond)
			if n := calls.registers.Load(); n > 4 {
				t.Errorf("%d tries in half a second", n)
			}
		})
	}
}

func TestRegistrationThatIsForgottenIsMadeAgainAtOnce(t *testing.T) {
	calls := &counter{lease: 300 * time.Millisecond}
	calls.answer = func(int64) error {
		if calls.renews.Load() == 1 && calls.registers.Load() == 1 {
			return messaging.Errorf(messaging.NotFound, "who?")
		}
		return nil
	}
	r := register(t, serveCounter(t, calls), instance("calc", "1"), 0)
	eventually(t, "it registers again", func() bool { return calls.registers.Load() == 2 })
	ok(t, r.Wait(patient(t)))
}

func TestHealthThatChangesAllTheTimeEndsAsTheLastOne(t *testing.T) {
	c, _ := pair(t, tcp)
	r := register(t, c, instance("calc", "1"), long)
	for i := range 1000 {
		r.SetHealth(mitterev1.Health(i % 3))
	}
	r.SetHealth(mitterev1.Health_HEALTH_DRAINING)
	ok(t, r.Wait(patient(t)))
	if e := list(t, c)[0]; e.GetInstance().GetHealth() != mitterev1.Health_HEALTH_DRAINING {
		t.Errorf("the entry is %v", e)
	}
}

// TestInstanceThatIsWithdrawnWhileItRegistersIsNotThereAfterwards withdraws while the registration is under
// way: a late Register must not enter the instance again.
func TestInstanceThatIsWithdrawnWhileItRegistersIsNotThereAfterwards(t *testing.T) {
	c, _ := pair(t, tcp)
	eventually(t, "the client is connected", c.Connected)
	var all sync.WaitGroup
	for _, i := range numbered("calc", 300) {
		all.Go(func() {
			if err := c.Register(i, long).Withdraw(patient(t)); err != nil {
				t.Errorf("withdraw: %v", err)
			}
		})
	}
	all.Wait()
	wantList(t, c, "")
}

// TestLoadOfRegistrationsIsRenewed has as many registrations of one client as a
// host has services, and more.
func TestLoadOfRegistrationsIsRenewed(t *testing.T) {
	t.Parallel() // it waits rather than works
	const size, lease = 2000, 3 * time.Second
	c, s := pair(t, tcp)
	f := follow(t, c, "")
	var all []*registry.Registration
	began := time.Now()
	for _, i := range numbered("calc", size) {
		all = append(all, c.Register(i, lease))
	}
	for _, r := range all {
		ok(t, r.Wait(patient(t)))
	}
	t.Logf("%d registered in %v", size, time.Since(began).Round(time.Millisecond))
	eventually(t, "the follower knows all", func() bool { return len(f.View().Entries) == size })
	revision := f.View().Revision
	<-time.After(max(faulttest.Length(t), lease+lease/10))
	// On a slow machine the registry may be silent for a while; then it is heard again.
	eventually(t, "the view is live", func() bool { return f.View().Live })
	if v := f.View(); len(v.Entries) != size || v.Revision != revision {
		t.Errorf("the view has %d entries, and the revision went from %d to %d", len(v.Entries), revision, v.Revision)
	}
	for _, r := range all {
		if err := r.Wait(patient(t)); err != nil {
			t.Fatalf("a registration is lost: %v", err)
		}
	}
	s.stop(t) // soon, too
}
