package main

import (
	"context"
	"errors"

	benchv1 "github.com/mittere/mittere/bench/gen/mittere/bench/v1"
	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// mittere is Mittere as a program uses it: typed requests to a reactor, typed
// messages to subscribers, no options but those of the row.
type mittere struct{}

// ServeEcho implements Echoer.
func (m mittere) ServeEcho(ctx context.Context, _ Task, ready func(string)) error {
	h := reactor.NewHandlers()
	reactor.Handle(h, func(_ context.Context, req *benchv1.EchoRequest) (*benchv1.EchoResponse, error) {
		return &benchv1.EchoResponse{Payload: req.GetPayload()}, nil
	})
	return m.serve(ctx, h, ready)
}

// ServeQuote implements Quoter.
func (m mittere) ServeQuote(ctx context.Context, _ Task, ready func(string)) error {
	h := reactor.NewHandlers()
	reactor.Handle(h, func(_ context.Context, req *benchv1.QuoteRequest) (*benchv1.QuoteResponse, error) {
		return quote(req), nil
	})
	return m.serve(ctx, h, ready)
}

// serve runs a reactor until ctx ends.
func (mittere) serve(ctx context.Context, h *reactor.Handlers, ready func(string)) error {
	c, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := messaging.NewRep(c, anyPort)
	if err != nil {
		return err
	}
	r, err := reactor.New(h, []reactor.Socket{s})
	if err != nil {
		return err
	}
	ready(s.Endpoints()[0])
	return r.Run(ctx)
}

// CallEcho implements Echoer.
func (mittere) CallEcho(ctx context.Context, t Task, m *Meter) error {
	return withRequest(t.Endpoint, func(s *messaging.Req) error {
		return m.Workers(ctx, func() func(context.Context) error {
			return echoCall(t.Size, func(ctx context.Context, req *benchv1.EchoRequest) (*benchv1.EchoResponse, error) {
				return messaging.Call[*benchv1.EchoResponse](ctx, s, req)
			})
		})
	})
}

// CallQuote implements Quoter.
func (mittere) CallQuote(ctx context.Context, t Task, m *Meter) error {
	return withRequest(t.Endpoint, func(s *messaging.Req) error {
		return m.Workers(ctx, func() func(context.Context) error {
			return quoteCall(func(ctx context.Context, req *benchv1.QuoteRequest) (*benchv1.QuoteResponse, error) {
				return messaging.Call[*benchv1.QuoteResponse](ctx, s, req)
			})
		})
	})
}

// withRequest opens the one socket of a client for as long as f runs.
func withRequest(endpoint string, f func(*messaging.Req) error) error {
	c, err := comm.NewContext()
	if err != nil {
		return err
	}
	s, err := messaging.NewReq(c, endpoint)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	return errors.Join(f(s), c.Close())
}

// Publish implements Ticker. Block makes a full subscriber hold up the publisher.
func (mittere) Publish(ctx context.Context, ready func(string), f *Feed) error {
	c, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := messaging.NewPublisher(c, anyPort, messaging.WithOverflow(comm.Block))
	if err != nil {
		return err
	}
	ready(s.Endpoints()[0])
	tick := &benchv1.Tick{}
	if err := s.WaitForSubscribers(ctx, 1, tick); err != nil {
		return err
	}
	for tick.Payload = f.Next(); tick.Payload != nil; tick.Payload = f.Next() {
		if err := s.Send(ctx, tick); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// Subscribe implements Ticker.
func (mittere) Subscribe(ctx context.Context, endpoint string, t *Tally) error {
	c, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := messaging.NewSubscriber(c, endpoint, messaging.WithTopics(messaging.OfType((*benchv1.Tick)(nil))))
	if err != nil {
		return err
	}
	for tick, err := range messaging.MessagesOf[*benchv1.Tick](ctx, s) {
		if err != nil {
			return err
		}
		if t.Add(tick.GetPayload()) {
			return nil
		}
	}
	return ctx.Err()
}
