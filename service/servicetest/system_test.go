package servicetest_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/internal/expect"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/servicetest"
)

// patience ends tests that would hang for ever.
const patience = time.Minute

// counter counts the calls of Add and of Accumulate that it executes.
type counter struct {
	calculatorv1mittere.UnimplementedCalculatorServiceHandler
	executed atomic.Int64
	begun    chan struct{} // if not nil, told of each call, which waits then until its context ends
}

func (c *counter) Add(ctx context.Context, r *calculatorv1.AddRequest) (*calculatorv1.AddResponse, error) {
	c.executed.Add(1)
	return &calculatorv1.AddResponse{Sum: r.GetA() + r.GetB()}, c.hold(ctx)
}

func (c *counter) Accumulate(ctx context.Context, r *calculatorv1.AccumulateRequest) (*calculatorv1.AccumulateResponse, error) {
	c.executed.Add(1)
	return &calculatorv1.AccumulateResponse{Total: r.GetAmount()}, c.hold(ctx)
}

func (c *counter) hold(ctx context.Context) error {
	if c.begun == nil {
		return nil
	}
	c.begun <- struct{}{}
	<-ctx.Done()
	return context.Cause(ctx)
}

func (c *counter) handlers() *reactor.Handlers {
	h := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(h, c)
	return h
}

// holding returns a counter whose calls run until their contexts end.
func holding() *counter { return &counter{begun: make(chan struct{}, 100)} }

// within returns a context with a deadline.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func add(ctx context.Context, c call.Caller, options ...call.Option) error {
	_, err := calculatorv1mittere.NewCalculatorServiceClient(c).Add(ctx, &calculatorv1.AddRequest{A: 1, B: 2}, options...)
	return err
}

func accumulate(ctx context.Context, c call.Caller) error {
	_, err := calculatorv1mittere.NewCalculatorServiceClient(c).Accumulate(ctx, &calculatorv1.AccumulateRequest{Amount: 1})
	return err
}

func wantCode(t testing.TB, err error, want messaging.Code) {
	t.Helper()
	if got := messaging.CodeOf(err); got != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

// eachWay runs a test with instances that clients call directly, and by a broker.
func eachWay(t *testing.T, test func(t *testing.T, serve func(*counter) *servicetest.Instance, c *service.Client)) {
	t.Run("directly", func(t *testing.T) {
		s := servicetest.New(t)
		test(t, func(c *counter) *servicetest.Instance { return s.Serve("calculator", c.handlers()) }, s.Client("calculator"))
	})
	t.Run("by a broker", func(t *testing.T) {
		s := servicetest.New(t)
		test(t, func(c *counter) *servicetest.Instance { return s.ServeBrokered("calculator", c.handlers()) }, s.BrokeredClient("calculator"))
	})
}

func TestCallsReachAnInstance(t *testing.T) {
	eachWay(t, func(t *testing.T, serve func(*counter) *servicetest.Instance, c *service.Client) {
		i := serve(new(counter))
		var timing call.Timing
		wantCode(t, add(within(t, patience), c, call.WithTiming(&timing)), messaging.OK)
		if timing.Instance != i.ID() {
			t.Errorf("%s answers, want %s", timing.Instance, i.ID())
		}
	})
}

// TestAnswerThatIsDroppedWasExecuted has a later call answered, whose answer comes behind the
// one that is lost.
func TestAnswerThatIsDroppedWasExecuted(t *testing.T) {
	eachWay(t, func(t *testing.T, serve func(*counter) *servicetest.Instance, c *service.Client) {
		n := new(counter)
		i := serve(n)
		i.DropAnswers(1)
		ctx, giveUp := context.WithCancel(within(t, patience))
		lost := make(chan error, 1)
		go func() { lost <- accumulate(ctx, c) }()
		expect.Eventually(t, "it is executed", func() bool { return n.executed.Load() == 1 })
		expect.Eventually(t, "its answer is dropped", func() bool { return i.Dropped() == 1 })
		wantCode(t, accumulate(within(t, patience), c), messaging.OK)
		giveUp()
		wantCode(t, <-lost, messaging.Cancelled)
	})
}

func TestCallsOfAKilledInstanceGoElsewhereIfTheyMay(t *testing.T) {
	eachWay(t, func(t *testing.T, serve func(*counter) *servicetest.Instance, c *service.Client) {
		n := holding()
		i := serve(n)
		added, accumulated := make(chan error, 1), make(chan error, 1)
		go func() { added <- add(within(t, patience), c) }()
		<-n.begun
		go func() { accumulated <- accumulate(within(t, patience), c) }()
		<-n.begun
		i.Kill()
		serve(new(counter))
		wantCode(t, <-added, messaging.OK)
		wantCode(t, <-accumulated, messaging.Unavailable)
	})
}

func TestCallsOfAPausedInstanceWaitOrGoElsewhere(t *testing.T) {
	eachWay(t, func(t *testing.T, serve func(*counter) *servicetest.Instance, c *service.Client) {
		i := serve(new(counter))
		wantCode(t, add(within(t, patience), c), messaging.OK)
		i.Pause()
		wantCode(t, add(within(t, 100*time.Millisecond), c), messaging.DeadlineExceeded)
		i.Resume()
		wantCode(t, add(within(t, patience), c), messaging.OK)
		i.Pause()
		n := new(counter)
		serve(n)
		wantCode(t, add(within(t, patience), c), messaging.OK)
		if n.executed.Load() == 0 {
			t.Error("the paused instance has executed it")
		}
	})
}

func TestInstancesFailAndAreSlow(t *testing.T) {
	eachWay(t, func(t *testing.T, serve func(*counter) *servicetest.Instance, c *service.Client) {
		n := new(counter)
		i := serve(n)
		i.Fail(messaging.Errorf(messaging.ResourceExhausted, "the disk is full"))
		wantCode(t, add(within(t, patience), c), messaging.ResourceExhausted)
		i.Fail(nil)
		i.Delay(time.Hour)
		wantCode(t, add(within(t, 200*time.Millisecond), c), messaging.DeadlineExceeded)
		if n.executed.Load() != 0 {
			t.Error("the handler was called")
		}
		i.Delay(time.Millisecond)
		wantCode(t, add(within(t, patience), c), messaging.OK)
	})
}

func TestStoppedInstanceEndsItsCallsFirst(t *testing.T) {
	eachWay(t, func(t *testing.T, serve func(*counter) *servicetest.Instance, c *service.Client) {
		i := serve(new(counter))
		i.Delay(50 * time.Millisecond)
		added := make(chan error, 1)
		go func() { added <- add(within(t, patience), c) }()
		if err := i.Stop(); err != nil {
			t.Error(err)
		}
		serve(new(counter)) // for the call, if it came late
		wantCode(t, <-added, messaging.OK)
	})
}
