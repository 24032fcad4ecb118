// Command client calls the calculator in every way there is: for an answer, for an
// error, for a stream, and for an answer that is read later.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"time"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

func main() {
	registry := flag.String("registry", os.Getenv("MITTERE_REGISTRY"), "`endpoint` of the registry; the default is $MITTERE_REGISTRY")
	server := flag.String("server", "", "`endpoint` of the server, to do without a registry")
	broker := flag.String("broker", "", "`endpoint` of a broker, in place of a registry")
	flag.Parse()
	where := service.FromRegistry(*registry)
	switch {
	case *server != "":
		where = service.FromEndpoints(*server)
	case *broker != "":
		where = service.FromBroker(*broker)
	}
	if err := run(where); err != nil {
		log.Fatal(err)
	}
}

// run makes one call after the other. The context's deadline is that of all of
// them: it goes with each call, and the server gives up when it is over.
func run(where service.Source) error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	zctx, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer zctx.Close()
	client, err := service.NewClient(zctx, "calculator", where)
	if err != nil {
		return err
	}
	defer client.Close()

	calculator := calculatorv1mittere.NewCalculatorServiceClient(client)
	for _, show := range []func(context.Context, *calculatorv1mittere.CalculatorServiceClient) error{
		add, divide, takeTenPrimes, cancelPrimes,
	} {
		if err := show(ctx, calculator); err != nil {
			return err
		}
	}
	return accumulateLater(ctx, calculator)
}

// add makes a call and waits for its answer.
func add(ctx context.Context, calculator *calculatorv1mittere.CalculatorServiceClient) error {
	answer, err := calculator.Add(ctx, &calculatorv1.AddRequest{A: 1, B: 2})
	if err != nil {
		return err
	}
	fmt.Println("1 + 2 =", answer.GetSum())
	return nil
}

// divide makes a call that fails, and looks at why.
func divide(ctx context.Context, calculator *calculatorv1mittere.CalculatorServiceClient) error {
	_, err := calculator.Divide(ctx, &calculatorv1.DivideRequest{Dividend: 7, Divisor: 0})
	if messaging.CodeOf(err) != messaging.InvalidArgument {
		return fmt.Errorf("7 / 0 is %w, want INVALID_ARGUMENT", err)
	}
	fmt.Println("7 / 0 is", err)
	if zero, found := messaging.DetailOf[*calculatorv1.DivisionByZero](err); found {
		fmt.Println("  what was to be divided:", zero.GetDividend())
	}
	return nil
}

// takeTenPrimes reads the beginning of a stream; leaving the loop ends it.
func takeTenPrimes(ctx context.Context, calculator *calculatorv1mittere.CalculatorServiceClient) error {
	var primes []uint64
	for item, err := range calculator.Primes(ctx, &calculatorv1.PrimesRequest{Limit: 1_000_000}) {
		if err != nil {
			return err
		}
		if primes = append(primes, item.GetPrime()); len(primes) == 10 {
			break
		}
	}
	fmt.Println("ten primes:", primes)
	return nil
}

// cancelPrimes ends a call by its context, as another goroutine might.
func cancelPrimes(ctx context.Context, calculator *calculatorv1mittere.CalculatorServiceClient) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, err := range calculator.Primes(ctx, &calculatorv1.PrimesRequest{Limit: math.MaxUint64}) {
		if errors.Is(err, context.Canceled) {
			fmt.Println("all primes: cancelled")
			return nil
		}
		if err != nil {
			return err
		}
		cancel()
	}
	return errors.New("all primes: it ended")
}

// accumulateLater begins two calls and then reads their answers.
func accumulateLater(ctx context.Context, calculator *calculatorv1mittere.CalculatorServiceClient) error {
	first := call.Go(ctx, calculator.Accumulate, &calculatorv1.AccumulateRequest{Amount: 20})
	second := call.Go(ctx, calculator.Accumulate, &calculatorv1.AccumulateRequest{Amount: 22})
	a, err := first.Wait(ctx)
	if err != nil {
		return err
	}
	b, err := second.Wait(ctx)
	if err != nil {
		return err
	}
	// They ran side by side, so that either may have been the first.
	fmt.Println("total:", max(a.GetTotal(), b.GetTotal()))
	return nil
}
