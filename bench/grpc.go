package main

import (
	"context"
	"errors"
	"io"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	benchv1 "github.com/mittere/mittere/bench/gen/mittere/bench/v1"
)

// grpcGo is grpc-go as it comes: one connection, no options, no security.
// Unary calls, and a server stream for publish/subscribe.
type grpcGo struct{}

// grpcServer is the service on the bench's messages.
type grpcServer struct {
	benchv1.UnimplementedBenchServiceServer
	feed *Feed // what Watch sends, for one watcher
}

// Echo implements the service.
func (*grpcServer) Echo(_ context.Context, req *benchv1.EchoRequest) (*benchv1.EchoResponse, error) {
	return &benchv1.EchoResponse{Payload: req.GetPayload()}, nil
}

// Quote implements the service.
func (*grpcServer) Quote(_ context.Context, req *benchv1.QuoteRequest) (*benchv1.QuoteResponse, error) {
	return quote(req), nil
}

// Watch implements the service. Flow control of the stream makes it wait.
func (s *grpcServer) Watch(_ *benchv1.WatchRequest, stream grpc.ServerStreamingServer[benchv1.Tick]) error {
	for b := s.feed.Next(); b != nil; b = s.feed.Next() {
		if err := stream.Send(&benchv1.Tick{Payload: b}); err != nil {
			return err
		}
	}
	return nil
}

// serve serves until ctx ends.
func (grpcGo) serve(ctx context.Context, s *grpcServer, ready func(string)) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	benchv1.RegisterBenchServiceServer(server, s)
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	ready(l.Addr().String())
	return server.Serve(l)
}

// dial opens the one connection.
func (grpcGo) dial(endpoint string) (benchv1.BenchServiceClient, io.Closer, error) {
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, nil, err
	}
	return benchv1.NewBenchServiceClient(conn), conn, nil
}

// ServeEcho implements Echoer.
func (g grpcGo) ServeEcho(ctx context.Context, _ Task, ready func(string)) error {
	return g.serve(ctx, &grpcServer{}, ready)
}

// ServeQuote implements Quoter.
func (g grpcGo) ServeQuote(ctx context.Context, _ Task, ready func(string)) error {
	return g.serve(ctx, &grpcServer{}, ready)
}

// CallEcho implements Echoer.
func (g grpcGo) CallEcho(ctx context.Context, t Task, m *Meter) error {
	client, conn, err := g.dial(t.Endpoint)
	if err != nil {
		return err
	}
	return errors.Join(m.Workers(ctx, func() func(context.Context) error {
		return echoCall(t.Size, func(ctx context.Context, req *benchv1.EchoRequest) (*benchv1.EchoResponse, error) {
			return client.Echo(ctx, req)
		})
	}), conn.Close())
}

// CallQuote implements Quoter.
func (g grpcGo) CallQuote(ctx context.Context, t Task, m *Meter) error {
	client, conn, err := g.dial(t.Endpoint)
	if err != nil {
		return err
	}
	return errors.Join(m.Workers(ctx, func() func(context.Context) error {
		return quoteCall(func(ctx context.Context, req *benchv1.QuoteRequest) (*benchv1.QuoteResponse, error) {
			return client.Quote(ctx, req)
		})
	}), conn.Close())
}

// Publish implements Ticker.
func (g grpcGo) Publish(ctx context.Context, ready func(string), f *Feed) error {
	return g.serve(ctx, &grpcServer{feed: f}, ready)
}

// Subscribe implements Ticker.
func (g grpcGo) Subscribe(ctx context.Context, endpoint string, t *Tally) error {
	client, conn, err := g.dial(endpoint)
	if err != nil {
		return err
	}
	defer conn.Close()
	stream, err := client.Watch(ctx, &benchv1.WatchRequest{})
	if err != nil {
		return err
	}
	for {
		tick, err := stream.Recv()
		if err != nil {
			return err
		}
		if t.Add(tick.GetPayload()) {
			return nil
		}
	}
}
