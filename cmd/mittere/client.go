package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/broker/brokermittere"
)

// patience is how long a registry, a broker or a service may take to answer, by
// default.
const patience = 5 * time.Second

// withRegistry gives f a client of the registry that the flags name.
func (g *globals) withRegistry(f func(*comm.Context, *registry.Client) error) error {
	return withContext(func(zmq *comm.Context) (err error) {
		// Questions that a registry did not take need not outlive the command.
		client, err := registry.NewClient(zmq, g.registry, registry.WithClientSocket(comm.WithLinger(0)),
			registry.WithClientLogger(slog.New(slog.DiscardHandler))) // the command says it itself
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, client.Close()) }()
		return f(zmq, client)
	})
}

// manager asks a broker about itself.
type manager struct {
	*brokermittere.BrokerServiceClient
	conn *call.Conn
}

// withBroker gives f a client of the management of the broker that the flags name.
func (g *globals) withBroker(f func(*comm.Context, *manager) error) error {
	return withContext(func(zmq *comm.Context) (err error) {
		conn, err := call.Dial(zmq, g.broker, call.WithService(broker.ServiceName), call.WithSocket(comm.WithLinger(0)))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, conn.Close()) }()
		return f(zmq, &manager{brokermittere.NewBrokerServiceClient(conn), conn})
	})
}

// askBroker asks a broker one thing; a timeout of 0 is for ever.
func askBroker[Req, Resp any](ctx context.Context, m *manager, timeout time.Duration,
	method func(context.Context, Req, ...call.Option) (Resp, error), req Req,
) (Resp, error) {
	ctx, cancel := within(ctx, timeout)
	defer cancel()
	resp, err := method(ctx, req)
	if err != nil && !m.conn.Ready() {
		err = messaging.Errorf(messaging.Unavailable, "the broker at %s cannot be reached: %w", m.conn.Endpoint(), err)
	}
	return resp, err
}

// orBroker returns the error of an endpoint that was asked as a service. If it has not
// what every service has since a broker is there, it says so.
func orBroker(ctx context.Context, zmq *comm.Context, endpoint string, err error) error {
	if endpoint == "" || messaging.CodeOf(err) != messaging.Unimplemented {
		return err
	}
	conn, failed := call.Dial(zmq, endpoint, call.WithService(broker.ServiceName), call.WithSocket(comm.WithLinger(0)))
	if failed != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := within(ctx, patience)
	defer cancel()
	if _, failed := brokermittere.NewBrokerServiceClient(conn).Status(ctx, &mitterev1.BrokerServiceStatusRequest{}); failed != nil {
		return err
	}
	return messaging.Errorf(messaging.Unimplemented, "a broker is there, which leads to services by name: use --broker %s", endpoint)
}

// withContext gives f a context of ZeroMQ.
func withContext(f func(*comm.Context) error) (err error) {
	zmq, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, zmq.Close()) }()
	return f(zmq)
}

// resolve asks a registry for the entries of a name; a timeout of 0 is for ever.
func resolve(ctx context.Context, client *registry.Client, name string, timeout time.Duration) ([]*mitterev1.Entry, error) {
	ctx, cancel := within(ctx, timeout)
	defer cancel()
	entries, err := client.Resolve(ctx, name)
	if err != nil && !client.Connected() {
		return nil, away(client, err)
	}
	return entries, err
}

// away is the error of a registry that does not answer.
func away(client *registry.Client, why error) error {
	return messaging.Errorf(messaging.Unavailable, "the registry at %s cannot be reached: %w", client.Endpoint(), why)
}

// within is context.WithTimeout where no time is no limit.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}
