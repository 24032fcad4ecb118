package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service/broker"
)

// patience is how long a registry, a broker or a service may take to answer, by
// default.
const patience = 5 * time.Second

// withRegistry gives f a client of the registry that the flags name.
func (g *globals) withRegistry(f func(*comm.Context, *registry.Client) error) error {
	return withContext(func(zctx *comm.Context) (err error) {
		// Questions that a registry did not take need not outlive the command.
		client, err := registry.NewClient(zctx, g.registry, registry.WithSocket(comm.WithLinger(0)),
			registry.WithLogger(slog.New(slog.DiscardHandler))) // the command says it itself
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, client.Close()) }()
		return notRegistry(zctx, g.registry, f(zctx, client))
	})
}

// manager asks a broker about itself.
type manager struct {
	*mitterev1mittere.BrokerServiceClient
	conn *call.Conn
	zctx *comm.Context
}

// withBroker gives f a client of the management of the broker that the flags name.
func (g *globals) withBroker(f func(*comm.Context, *manager) error) error {
	return withContext(func(zctx *comm.Context) (err error) {
		conn, err := call.Dial(zctx, g.broker, call.WithService(broker.ServiceName), call.WithSocket(comm.WithLinger(0)))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, conn.Close()) }()
		return f(zctx, &manager{mitterev1mittere.NewBrokerServiceClient(conn), conn, zctx})
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
		return resp, messaging.Errorf(messaging.Unavailable, "the broker at %s cannot be reached: %w", m.conn.Endpoint(), err)
	}
	return resp, notBroker(ctx, m.zctx, m.conn.Endpoint(), err)
}

// orBroker returns the error of an endpoint that was asked as a service. If it has not
// what every service has since a broker is there, it says so.
func orBroker(ctx context.Context, zctx *comm.Context, endpoint string, err error) error {
	if endpoint == "" || messaging.CodeOf(err) != messaging.Unimplemented || !isBroker(ctx, zctx, endpoint) {
		return err
	}
	return messaging.Errorf(messaging.Unimplemented, "a broker is there, which leads to services by name: use --broker %s", endpoint)
}

// notBroker returns the error of what was asked as a broker. If it is none, it says what
// it is.
func notBroker(ctx context.Context, zctx *comm.Context, endpoint string, err error) error {
	if messaging.CodeOf(err) != messaging.Unimplemented && messaging.CodeOf(err) != messaging.NotFound || isBroker(ctx, zctx, endpoint) {
		return err
	}
	if isRegistry(ctx, zctx, endpoint) {
		return messaging.Errorf(messaging.FailedPrecondition, "a registry is there, and no broker: use --registry %s", endpoint)
	}
	return messaging.Errorf(messaging.FailedPrecondition, "a service is there, and no broker: use --endpoint %s", endpoint)
}

// notRegistry returns the error of what was asked as a registry. If it is none, it says
// what it is.
func notRegistry(zctx *comm.Context, endpoint string, err error) error {
	ctx := context.Background() // what was asked has ended
	switch code := messaging.CodeOf(err); {
	case code != messaging.Unimplemented && code != messaging.Unavailable, isRegistry(ctx, zctx, endpoint):
		return err
	case isBroker(ctx, zctx, endpoint):
		return messaging.Errorf(messaging.FailedPrecondition, "a broker is there, and no registry: use --broker %s", endpoint)
	case messaging.CodeOf(err) == messaging.Unimplemented:
		return messaging.Errorf(messaging.FailedPrecondition, "a service is there, and no registry: use --endpoint %s", endpoint)
	default:
		return err
	}
}

// isBroker reports whether a broker is at an endpoint.
func isBroker(ctx context.Context, zctx *comm.Context, endpoint string) bool {
	return asks(ctx, zctx, endpoint, broker.ServiceName, func(ctx context.Context, c call.Caller) error {
		_, err := mitterev1mittere.NewBrokerServiceClient(c).Status(ctx, &mitterev1.BrokerServiceStatusRequest{}, call.WithFailFast())
		return err
	})
}

// isRegistry reports whether a registry is at an endpoint.
func isRegistry(ctx context.Context, zctx *comm.Context, endpoint string) bool {
	return asks(ctx, zctx, endpoint, "", func(ctx context.Context, c call.Caller) error {
		_, err := mitterev1mittere.NewRegistryServiceClient(c).Resolve(ctx, &mitterev1.ResolveRequest{Name: "mittere"}, call.WithFailFast())
		if messaging.CodeOf(err) == messaging.NotFound {
			return nil
		}
		return err
	})
}

// asks reports whether what is at an endpoint answers a question.
func asks(ctx context.Context, zctx *comm.Context, endpoint, service string, ask func(context.Context, call.Caller) error) bool {
	conn, err := call.Dial(zctx, endpoint, call.WithService(service), call.WithSocket(comm.WithLinger(0)))
	if err != nil {
		return false
	}
	defer conn.Close()
	ctx, cancel := within(context.WithoutCancel(ctx), waitMoment) // its time may be over
	defer cancel()
	return ask(ctx, conn) == nil
}

// withContext gives f a context of ZeroMQ.
func withContext(f func(*comm.Context) error) (err error) {
	zctx, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, zctx.Close()) }()
	return f(zctx)
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

// waitFor is [registry.Follower.Wait] that ends when what is at the endpoint answers and is
// no registry: one that is away may come, but the user must name another endpoint.
func waitFor(ctx context.Context, client *registry.Client, f *registry.Follower) error {
	for {
		changed := f.Changed()
		switch {
		case !f.View().At.IsZero():
			return nil
		case client.Connected() && client.Err() != nil:
			return messaging.Errorf(messaging.Unimplemented, "no registry is at %s", client.Endpoint())
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return away(client, messaging.WaitError(ctx, f.Err()))
		}
	}
}

// within is context.WithTimeout where no time is no limit.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}
