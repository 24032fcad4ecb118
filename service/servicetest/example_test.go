package servicetest_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service/servicetest"
)

// adder adds.
type adder struct {
	calculatorv1mittere.UnimplementedCalculatorServiceHandler
}

func (adder) Add(_ context.Context, r *calculatorv1.AddRequest) (*calculatorv1.AddResponse, error) {
	return &calculatorv1.AddResponse{Sum: r.GetA() + r.GetB()}, nil
}

// In a test, t is its *testing.T.
func ExampleClient() {
	t := newT()
	defer t.end()

	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, adder{})
	calculator := calculatorv1mittere.NewCalculatorServiceClient(servicetest.Client(t, "", handlers))
	answer, err := calculator.Add(context.Background(), &calculatorv1.AddRequest{A: 1, B: 2})
	fmt.Println(answer.GetSum(), err)
	// Output: 3 <nil>
}

// An instance behind a broker fails, and is killed: a call that may be executed twice is
// answered by another one. In a test, t is its *testing.T.
func ExampleNew() {
	t := newT()
	defer t.end()

	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, adder{})
	system := servicetest.New(t)
	first := system.ServeBrokered("calculator", handlers)
	calculator := calculatorv1mittere.NewCalculatorServiceClient(system.BrokeredClient("calculator"))

	first.Fail(messaging.Errorf(messaging.ResourceExhausted, "out of paper"))
	_, err := calculator.Add(context.Background(), &calculatorv1.AddRequest{A: 1, B: 2})
	fmt.Println(err)

	first.Kill()
	system.ServeBrokered("calculator", handlers)
	answer, err := calculator.Add(context.Background(), &calculatorv1.AddRequest{A: 1, B: 2})
	fmt.Println(answer.GetSum(), err)
	// Output:
	// RESOURCE_EXHAUSTED: out of paper
	// 3 <nil>
}

// exampleT is what a test's t is, for examples, which have none.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func newT() *exampleT { return new(exampleT) }

func (t *exampleT) Helper() {}

func (t *exampleT) Output() io.Writer { return io.Discard }

func (t *exampleT) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *exampleT) Error(args ...any) { fmt.Fprintln(os.Stdout, args...) }

func (t *exampleT) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (t *exampleT) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}
