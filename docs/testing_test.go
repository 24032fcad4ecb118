package docs_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mittere/mittere/examples/calculator"
	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service/servicetest"
)

func TestAdd(t *testing.T) {
	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, &calculator.Handler{})
	client := calculatorv1mittere.NewCalculatorServiceClient(servicetest.Client(t, "calculator", handlers))

	answer, err := client.Add(t.Context(), &calculatorv1.AddRequest{A: 1, B: 2})
	if err != nil || answer.GetSum() != 3 {
		t.Errorf("1 + 2 is %v, %v", answer, err)
	}
}

func TestAnswerIsLost(t *testing.T) {
	system := servicetest.New(t)
	till := new(till)
	one := system.Serve("till", till.handlers())
	client := calculatorv1mittere.NewCalculatorServiceClient(system.Client("till"))

	one.DropAnswers(1)
	paying := call.Go(t.Context(), client.Accumulate, &calculatorv1.AccumulateRequest{Amount: 5})
	for one.Dropped() == 0 {
		time.Sleep(time.Millisecond) // until the answer is lost
	}
	paying.Cancel()
	_, err := paying.Wait(t.Context())
	if messaging.CodeOf(err) != messaging.Cancelled || till.total.Load() != 5 {
		t.Errorf("the till has %d after %v", till.total.Load(), err)
	}
}

func TestInstanceDies(t *testing.T) {
	system := servicetest.New(t)
	first := system.Serve("till", new(till).handlers())
	client := calculatorv1mittere.NewCalculatorServiceClient(system.Client("till"))
	if _, err := client.Accumulate(t.Context(), &calculatorv1.AccumulateRequest{Amount: 5}); err != nil {
		t.Fatal(err)
	}

	first.Kill()
	second := new(till)
	system.Serve("till", second.handlers())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for second.total.Load() == 0 { // the client may not know yet that the first is dead
		_, err := client.Accumulate(ctx, &calculatorv1.AccumulateRequest{Amount: 5})
		if code := messaging.CodeOf(err); code != messaging.OK && code != messaging.Unavailable {
			t.Fatal(err)
		}
	}
}

// till is a handler whose calls must not be executed twice.
type till struct {
	calculatorv1mittere.UnimplementedCalculatorServiceHandler
	total atomic.Int64
}

func (h *till) Accumulate(_ context.Context, r *calculatorv1.AccumulateRequest) (*calculatorv1.AccumulateResponse, error) {
	return &calculatorv1.AccumulateResponse{Total: float64(h.total.Add(int64(r.GetAmount())))}, nil
}

func (h *till) handlers() *reactor.Handlers {
	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, h)
	return handlers
}
