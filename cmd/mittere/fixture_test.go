package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service"
)

// testPatience is how long a test waits for what must happen.
const testPatience = time.Minute

// world is a registry, and a service in it, for the commands of a test.
type world struct {
	t        *testing.T
	zctx     *comm.Context
	registry *registry.Server
	stop     func() // stops the registry, and waits
	server   *service.Server
	handler  *calculator
}

// newWorld returns a world with a registry only.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, zctx: must(comm.NewContext())(t)}
	t.Cleanup(func() { check(t, w.zctx.Close()) })
	w.registry = must(registry.NewServer(w.zctx, "tcp://127.0.0.1:*", registry.WithLogger(slog.New(slog.DiscardHandler))))(t)
	w.stop = w.background(w.registry)
	return w
}

// newCalculator returns a world with a calculator of the id calc-1.
func newCalculator(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.handler = &calculator{cancelled: make(chan struct{}, 1), amounts: make(chan float64, 1), over: make(chan struct{})}
	w.server = w.serve("calc-1", w.handler)
	t.Cleanup(func() { close(w.handler.over) }) // before the server is stopped
	w.await(func(entries []*mitterev1.Entry) bool { return len(entries) == 1 })
	return w
}

// serve runs a calculator.
func (w *world) serve(id string, handler calculatorv1mittere.CalculatorServiceHandler) *service.Server {
	w.t.Helper()
	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, handler)
	server := must(service.NewServer(w.zctx, "calculator", handlers, service.WithRegistry(w.at()), service.WithID(id), service.WithVersion("v1.2.3"),
		service.WithLabels(map[string]string{"room": "7", "colour": "\x1b[31mred"}), service.WithLogger(slog.New(slog.DiscardHandler)),
		service.WithDrainTimeout(0)))(w.t)
	w.background(server)
	return server
}

// background runs a server until the test ends, or what is returned is called.
func (w *world) background(server interface {
	Run(context.Context) error
	Close() error
}) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		check(w.t, server.Close())
	})
	w.t.Cleanup(stop)
	return stop
}

// restart runs another registry where one was stopped.
func (w *world) restart(at string) {
	w.t.Helper()
	deadline := time.Now().Add(testPatience)
	for {
		server, err := registry.NewServer(w.zctx, at, registry.WithLogger(slog.New(slog.DiscardHandler)))
		// libzmq gives an address back a moment after its socket was closed.
		if errors.Is(err, comm.AddressInUse) && time.Now().Before(deadline) {
			continue
		}
		check(w.t, err)
		w.background(server)
		return
	}
}

// at returns where the registry is.
func (w *world) at() string { return w.registry.Endpoints()[0] }

// await waits until the registry knows what it should.
func (w *world) await(enough func([]*mitterev1.Entry) bool) {
	w.t.Helper()
	client := must(registry.NewClient(w.zctx, w.at()))(w.t)
	defer client.Close()
	awaitEntries(w.t, client, enough)
}

// awaitEntries waits until the entries of a registry are what they should be.
func awaitEntries(t *testing.T, client *registry.Client, enough func([]*mitterev1.Entry) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	f := client.Follow("")
	defer f.Close()
	for changed := f.Changed(); !enough(f.View().Entries); changed = f.Changed() {
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("the registry has %v", f.View().Entries)
		}
	}
}

// enter puts an instance of nobody into the registry.
func (w *world) enter(instance *mitterev1.Instance) {
	w.t.Helper()
	client := must(registry.NewClient(w.zctx, w.at()))(w.t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(w.t.Context(), testPatience)
	defer cancel()
	check(w.t, client.Register(instance, time.Minute).Wait(ctx))
}

// run runs a command with the world's registry.
func (w *world) run(stdin string, args ...string) (code int, stdout, stderr string) {
	return command(w.t.Context(), stdin, slices.Concat(args[:1], []string{"--registry", w.at()}, args[1:])...)
}

// command runs a command.
func command(ctx context.Context, stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(ctx, args, streams{strings.NewReader(stdin), &out, &err})
	return code, out.String(), err.String()
}

// calculator is the handler.
type calculator struct {
	calculatorv1mittere.UnimplementedCalculatorServiceHandler
	cancelled chan struct{} // gets a token when a caller of Primes went away
	amounts   chan float64  // that were accumulated
	over      chan struct{} // closed when the test ends
}

// Add adds.
func (*calculator) Add(_ context.Context, req *calculatorv1.AddRequest) (*calculatorv1.AddResponse, error) {
	return &calculatorv1.AddResponse{Sum: req.GetA() + req.GetB()}, nil
}

// Divide divides, but not by zero.
func (*calculator) Divide(_ context.Context, req *calculatorv1.DivideRequest) (*calculatorv1.DivideResponse, error) {
	if req.GetDivisor() == 0 {
		return nil, messaging.Errorf(messaging.InvalidArgument, "division by zero\x1b[2J\nis none").
			WithDetails(&calculatorv1.DivisionByZero{Dividend: req.GetDividend()})
	}
	return &calculatorv1.DivideResponse{Quotient: req.GetDividend() / req.GetDivisor()}, nil
}

// Accumulate notes the amount; a negative one takes for ever, also when its time is
// over, so that it is the caller's own clock that says so.
func (c *calculator) Accumulate(ctx context.Context, req *calculatorv1.AccumulateRequest) (*calculatorv1.AccumulateResponse, error) {
	if req.GetAmount() < 0 {
		<-ctx.Done()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			<-c.over
		}
		return nil, ctx.Err()
	}
	c.amounts <- req.GetAmount()
	return &calculatorv1.AccumulateResponse{Total: req.GetAmount()}, nil
}

// Primes sends the numbers up to a limit; that these are no primes does not
// matter here.
func (c *calculator) Primes(ctx context.Context, req *calculatorv1.PrimesRequest, send func(*calculatorv1.PrimesResponse) error) error {
	for n := uint64(2); n <= req.GetLimit(); n++ {
		if err := send(&calculatorv1.PrimesResponse{Prime: n}); err != nil {
			c.cancelled <- struct{}{}
			return errors.Join(err, ctx.Err())
		}
	}
	return nil
}

// must returns what fails the test on an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return v
	}
}

// check fails the test on an error.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
