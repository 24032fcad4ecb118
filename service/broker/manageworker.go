package broker

import (
	"context"
	"errors"
	"log/slog"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/internal/management"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// managers is how many questions a broker answers at once.
const managers = 16

// managementWorker is the broker's own worker, by which it answers about itself. To the loop it
// is a native worker like any other, but for its secret, which lets it have a reserved
// name.
type managementWorker struct {
	worker  *messaging.Worker
	reactor *reactor.Reactor
	log     *slog.Logger
}

// newManagementWorker returns the worker, which is connected to the broker and runs later.
func newManagementWorker(zctx *comm.Context, b *Broker) (*managementWorker, error) {
	endpoint, secret := b.inner()
	worker, err := messaging.NewWorker(zctx, endpoint, messaging.WithSocket(comm.WithLinger(0)))
	if err != nil {
		return nil, err
	}
	w := &managementWorker{worker: worker, log: b.log}
	handlers := reactor.NewHandlers()
	mitterev1mittere.RegisterBrokerService(handlers, manager{b})
	about := &management.Server{
		Name: ServiceName, ID: b.Name(), Version: b.version, Endpoints: b.Endpoints, Handlers: handlers,
		Health: b.health, Stats: func() reactor.Stats { return w.reactor.Stats() },
		Methods: management.NewMethods(handlers), Began: b.began.UnixNano,
	}
	w.reactor, err = reactor.New(reactor.Join(handlers, management.Handlers(about)), []reactor.Socket{worker},
		reactor.WithPool(managers, nil), reactor.WithInterceptors(about.Methods.Count), reactor.WithLogger(b.log),
		reactor.WithIdentity(ServiceName, b.Name()), reactor.WithStopTimeout(0),
		reactor.WithOffer(reactor.Offer{Services: []string{ServiceName}, Name: ServiceName, Version: b.version, Instance: secret}),
	)
	if err != nil {
		return nil, errors.Join(err, worker.Close())
	}
	return w, nil
}

// run answers until ctx ends, which is when the broker has nothing left to do. The
// broker works on without it.
func (w *managementWorker) run(ctx context.Context) {
	if err := w.reactor.Run(ctx); err != nil {
		w.log.Error("the broker tells nothing of itself any more", "error", err)
	}
}

// close closes the worker's socket.
func (w *managementWorker) close() error { return w.worker.Close() }
