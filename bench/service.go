package main

import (
	"context"
	"errors"

	"google.golang.org/protobuf/reflect/protoreflect"

	benchv1 "github.com/mittere/mittere/bench/gen/mittere/bench/v1"
	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// services is Mittere's services as a program uses them: a server, and a client
// that balances, tries again and carries keys, without a registry.
type services struct {
	serve func(context.Context, *reactor.Handlers, func(endpoint string)) error
	from  func(endpoints ...string) service.Source
}

// methodOf returns the descriptor of a method of the bench's service.
func methodOf(name protoreflect.Name) protoreflect.MethodDescriptor {
	return benchv1.File_mittere_bench_v1_bench_proto.Services().Get(0).Methods().ByName(name)
}

// ServeEcho implements Echoer.
func (s services) ServeEcho(ctx context.Context, _ Task, ready func(string)) error {
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, methodOf("Echo"), func(_ context.Context, req *benchv1.EchoRequest) (*benchv1.EchoResponse, error) {
		return &benchv1.EchoResponse{Payload: req.GetPayload()}, nil
	})
	return s.serve(ctx, h, ready)
}

// ServeQuote implements Quoter.
func (s services) ServeQuote(ctx context.Context, _ Task, ready func(string)) error {
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, methodOf("Quote"), func(_ context.Context, req *benchv1.QuoteRequest) (*benchv1.QuoteResponse, error) {
		return quote(req), nil
	})
	return s.serve(ctx, h, ready)
}

// direct serves as a server until ctx ends.
func direct(ctx context.Context, h *reactor.Handlers, ready func(string)) error {
	c, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := service.NewServer(c, "bench", h)
	if err != nil {
		return err
	}
	ready(s.Endpoints()[0])
	return errors.Join(s.Run(ctx), s.Close())
}

// CallEcho implements Echoer.
func (s services) CallEcho(ctx context.Context, t Task, m *Meter) error {
	return s.withClient(t.Endpoint, func(c *service.Client) error {
		echo := call.Bind[*benchv1.EchoRequest, *benchv1.EchoResponse](c, call.MethodOf(methodOf("Echo")))
		return m.Workers(ctx, func() func(context.Context) error {
			return echoCall(t.Size, func(ctx context.Context, req *benchv1.EchoRequest) (*benchv1.EchoResponse, error) {
				return echo(ctx, req)
			})
		})
	})
}

// CallQuote implements Quoter.
func (s services) CallQuote(ctx context.Context, t Task, m *Meter) error {
	return s.withClient(t.Endpoint, func(c *service.Client) error {
		ask := call.Bind[*benchv1.QuoteRequest, *benchv1.QuoteResponse](c, call.MethodOf(methodOf("Quote")))
		return m.Workers(ctx, func() func(context.Context) error {
			return quoteCall(func(ctx context.Context, req *benchv1.QuoteRequest) (*benchv1.QuoteResponse, error) {
				return ask(ctx, req)
			})
		})
	})
}

// withClient opens a client for as long as f runs.
func (s services) withClient(endpoint string, f func(*service.Client) error) error {
	c, err := comm.NewContext()
	if err != nil {
		return err
	}
	client, err := service.NewClient(c, "bench", s.from(endpoint))
	if err != nil {
		return errors.Join(err, c.Close())
	}
	return errors.Join(f(client), client.Close(), c.Close())
}
