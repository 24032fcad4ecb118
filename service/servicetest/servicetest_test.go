package servicetest_test

import (
	"context"
	"testing"
	"time"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/internal/leaktest"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service/servicetest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestHandlerIsCalledThroughItsStub(t *testing.T) {
	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, adder{})
	calculator := calculatorv1mittere.NewCalculatorServiceClient(servicetest.Client(t, "", handlers))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	sum, err := calculator.Add(ctx, &calculatorv1.AddRequest{A: 1, B: 2})
	if err != nil || sum.GetSum() != 3 {
		t.Errorf("1 + 2 is %v, %v", sum, err)
	}
}
