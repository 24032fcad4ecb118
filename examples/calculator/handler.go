// Package calculator implements the service of proto/calculator. It stands on the
// generated stubs alone: of sockets it knows nothing, and server/ serves it.
package calculator

import (
	"context"
	"sync"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"

	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/messaging"
)

// Handler calculates. The zero value is ready; its methods may be called by any
// number of goroutines at once.
type Handler struct {
	mu    sync.Mutex // guards what follows
	total float64
}

var _ calculatorv1mittere.CalculatorServiceHandler = (*Handler)(nil)

// Add returns the sum of two numbers.
func (*Handler) Add(_ context.Context, req *calculatorv1.AddRequest) (*calculatorv1.AddResponse, error) {
	return &calculatorv1.AddResponse{Sum: req.GetA() + req.GetB()}, nil
}

// Divide returns the quotient of two numbers. An error travels with its code, its
// message and its details.
func (*Handler) Divide(_ context.Context, req *calculatorv1.DivideRequest) (*calculatorv1.DivideResponse, error) {
	if req.GetDivisor() == 0 {
		return nil, messaging.Errorf(messaging.InvalidArgument, "the divisor is zero").
			WithDetails(&calculatorv1.DivisionByZero{Dividend: req.GetDividend()})
	}
	return &calculatorv1.DivideResponse{Quotient: req.GetDividend() / req.GetDivisor()}, nil
}

// Accumulate adds to the total. Calls run side by side, hence the lock.
func (h *Handler) Accumulate(_ context.Context, req *calculatorv1.AccumulateRequest) (*calculatorv1.AccumulateResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total += req.GetAmount()
	return &calculatorv1.AccumulateResponse{Total: h.total}, nil
}

// Primes sends prime numbers. send waits while the caller has not read what it was
// sent, and fails when the caller cancels or goes away, which ends the work.
func (*Handler) Primes(_ context.Context, req *calculatorv1.PrimesRequest, send func(*calculatorv1.PrimesResponse) error) error {
	for n := uint64(2); n <= req.GetLimit(); n++ {
		if !isPrime(n) {
			continue
		}
		if err := send(&calculatorv1.PrimesResponse{Prime: n}); err != nil {
			return err
		}
	}
	return nil
}

// isPrime reports whether n, which is 2 at least, has no divisor but 1 and itself.
func isPrime(n uint64) bool {
	for d := uint64(2); d <= n/d; d++ {
		if n%d == 0 {
			return false
		}
	}
	return true
}
