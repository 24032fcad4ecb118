package main

import (
	"context"
	"math"

	benchv1 "github.com/mittere/mittere/bench/gen/mittere/bench/v1"
)

// echoCall makes the call of one worker from a system's typed echo: a request
// of its own, and a check of every reply.
func echoCall(size int, echo func(context.Context, *benchv1.EchoRequest) (*benchv1.EchoResponse, error)) func(context.Context) error {
	req := &benchv1.EchoRequest{Payload: make([]byte, size)}
	return func(ctx context.Context) error {
		reply, err := echo(ctx, req)
		if err == nil && len(reply.GetPayload()) != size {
			err = errEcho
		}
		return err
	}
}

// quoteCall makes the call of one worker from a system's typed quote.
func quoteCall(ask func(context.Context, *benchv1.QuoteRequest) (*benchv1.QuoteResponse, error)) func(context.Context) error {
	req := newQuoteRequest()
	want := quote(req).GetTotal()
	return func(ctx context.Context) error {
		reply, err := ask(ctx, req)
		if err == nil && reply.GetTotal() != want {
			err = errEcho
		}
		return err
	}
}

// newQuoteRequest returns an order of about 100 bytes.
func newQuoteRequest() *benchv1.QuoteRequest {
	return &benchv1.QuoteRequest{
		Id:       1<<40 + 7,
		Customer: "Ferrum et Lignum, Ostia",
		Side:     benchv1.Side_SIDE_BUY,
		Lines: []*benchv1.Line{
			{Article: "bolt-m8x40", Count: 1200, Cents: 9},
			{Article: "plank-oak-2m", Count: 35, Cents: 1850},
			{Article: "rope-hemp", Count: 4, Cents: 2999},
		},
		Discount: 0.035,
	}
}

// quote is the handler of PatternQuote in every system.
func quote(req *benchv1.QuoteRequest) *benchv1.QuoteResponse {
	reply := &benchv1.QuoteResponse{Id: req.GetId(), Currency: "EUR", Cents: make([]int64, len(req.GetLines()))}
	var sum int64
	for i, line := range req.GetLines() {
		reply.Cents[i] = int64(line.GetCount()) * line.GetCents()
		sum += reply.Cents[i]
	}
	reply.Total = int64(math.Round(float64(sum) * (1 - req.GetDiscount())))
	return reply
}
