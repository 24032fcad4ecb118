package calculator_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/calculator"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/servicetest"
)

// A handler can be tested through its client within one process: inproc needs no
// port, and all that a call has on a network it has here too.
func Example() {
	zctx, err := comm.NewContext()
	if err != nil {
		panic(err)
	}
	defer zctx.Close()
	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, &calculator.Handler{})
	server, err := service.NewServer(zctx, "calculator", handlers, service.WithBind("inproc://calculator"))
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := service.NewClient(zctx, "calculator", service.FromEndpoints("inproc://calculator"))
	if err != nil {
		panic(err)
	}

	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { fmt.Println("server:", server.Run(ctx)) })
	c := calculatorv1mittere.NewCalculatorServiceClient(client)
	answer, err := c.Add(ctx, &calculatorv1.AddRequest{A: 1, B: 2})
	fmt.Println(answer.GetSum(), err)
	_, err = c.Divide(ctx, &calculatorv1.DivideRequest{Dividend: 1})
	fmt.Println(err)

	_ = client.Close() // ends the session, so that the server need not wait for it
	stop()
	running.Wait()
	// Output:
	// 3 <nil>
	// INVALID_ARGUMENT: the divisor is zero
	// server: <nil>
}

// start serves a handler until the test ends, and returns its client.
func start(t *testing.T) *calculatorv1mittere.CalculatorServiceClient {
	t.Helper()
	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, &calculator.Handler{})
	return calculatorv1mittere.NewCalculatorServiceClient(servicetest.Client(t, "calculator", handlers))
}

func TestDivide(t *testing.T) {
	c := start(t)
	for _, test := range []struct {
		name              string
		dividend, divisor float64
		want              float64
		code              messaging.Code
	}{
		{"a quotient", 7, 2, 3.5, messaging.OK},
		{"nothing to divide", 0, 2, 0, messaging.OK},
		{"by zero", 7, 0, 0, messaging.InvalidArgument},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer, err := c.Divide(t.Context(), &calculatorv1.DivideRequest{Dividend: test.dividend, Divisor: test.divisor})
			if answer.GetQuotient() != test.want || messaging.CodeOf(err) != test.code {
				t.Errorf("%v / %v: got %v, %v", test.dividend, test.divisor, answer.GetQuotient(), err)
			}
		})
	}
}

func TestDivisionByZeroTellsTheDividend(t *testing.T) {
	_, err := start(t).Divide(t.Context(), &calculatorv1.DivideRequest{Dividend: 7})
	detail, found := messaging.DetailOf[*calculatorv1.DivisionByZero](err)
	if want := (&calculatorv1.DivisionByZero{Dividend: 7}); !found || !proto.Equal(detail, want) {
		t.Errorf("got %v with the detail %v, want %v", err, detail, want)
	}
}

func TestCallsSideBySideAreAllInTheTotal(t *testing.T) {
	c := start(t)
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			if _, err := c.Accumulate(t.Context(), &calculatorv1.AccumulateRequest{Amount: 1}); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	answer, err := c.Accumulate(t.Context(), &calculatorv1.AccumulateRequest{})
	if err != nil || answer.GetTotal() != 20 {
		t.Errorf("got %v, %v, want 20", answer.GetTotal(), err)
	}
}

func TestPrimesEndAtTheLimit(t *testing.T) {
	c := start(t)
	for limit, want := range map[uint64][]uint64{0: nil, 1: nil, 2: {2}, 12: {2, 3, 5, 7, 11}, 13: {2, 3, 5, 7, 11, 13}} {
		var got []uint64
		for item, err := range c.Primes(t.Context(), &calculatorv1.PrimesRequest{Limit: limit}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, item.GetPrime())
		}
		if !slices.Equal(got, want) {
			t.Errorf("primes up to %d: got %v, want %v", limit, got, want)
		}
	}
}
