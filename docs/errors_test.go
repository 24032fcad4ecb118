package docs_test

import (
	"context"
	"testing"
	"time"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"

	"github.com/mittere/mittere/examples/calculator"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service/servicetest"
)

// The caller of errors.md divides by zero.
func TestTheCallerOfThePageOfErrorsSeesThatItsRequestIsWrong(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, &calculator.Handler{})
	calculator := calculatorv1mittere.NewCalculatorServiceClient(servicetest.Client(t, "calculator", handlers))

	answer, err := calculator.Divide(ctx, &calculatorv1.DivideRequest{Dividend: 7})
	if messaging.Refused(err) {
		t.Fatal(err) // not executed, and never will be: try again, whatever the method does
	}
	if messaging.CodeOf(err) != messaging.InvalidArgument {
		t.Fatal(answer, err)
	}
	zero, found := messaging.DetailOf[*calculatorv1.DivisionByZero](err)
	if !found || zero.GetDividend() != 7 {
		t.Error("the error has no such detail:", err)
	}
}
