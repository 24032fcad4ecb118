package service

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/management"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry"
)

// open makes the sockets, the reactor and the client of the registry.
func (s *Server) open(zctx *comm.Context) (err error) {
	if s.client == nil && s.registry != "" {
		if s.ownClient, err = registry.NewClient(zctx, s.registry, registry.WithLogger(s.log)); err != nil {
			return err
		}
		s.client = s.ownClient
	}
	sockets, err := s.openSockets(zctx)
	if err != nil {
		return err
	}
	s.about = &management.Server{
		Name: s.name, ID: s.id, Version: s.version, Labels: s.labels, Endpoints: s.Endpoints, Handlers: s.handlers,
		Health: s.Health, Stats: func() reactor.Stats { return s.reactor.Stats() },
		Methods: management.NewMethods(s.handlers), Began: s.began.Load,
	}
	s.reactor, err = reactor.New(reactor.Join(s.handlers, management.Handlers(s.about)), sockets, s.reactorOptions()...)
	return err
}

// openSockets returns what the reactor serves: the socket to a broker, and the one that
// callers connect to.
func (s *Server) openSockets(zctx *comm.Context) (sockets []reactor.Socket, err error) {
	if s.broker != "" {
		if s.worker, err = messaging.NewWorker(zctx, s.broker, messaging.WithSocket(s.socket...)); err != nil {
			return nil, err
		}
		sockets = append(sockets, s.worker)
		s.advertised.Store(&s.advertise)
	}
	if s.broker != "" && len(s.bind) == 0 && s.client == nil {
		return sockets, nil // nobody could know where it listens
	}
	if s.listener, err = messaging.NewServer(zctx, "", messaging.WithSocket(s.socket...)); err != nil {
		return nil, err
	}
	local := loopback
	if route := s.routeEnd(); route != "" && s.needsAddress() {
		if local, err = registry.LocalAddress(context.Background(), route); err != nil {
			s.route = route // Run finds it
		}
	}
	if err := s.listenOn(local); err != nil {
		return nil, err
	}
	return append(sockets, s.listener), nil
}

// routeEnd returns the endpoint on the way to which others see this host: the registry's
// or else the broker's, empty if there is neither.
func (s *Server) routeEnd() string {
	if s.client != nil {
		return s.client.Endpoint()
	}
	return s.broker
}

// reactorOptions returns how the reactor works.
func (s *Server) reactorOptions() []reactor.Option {
	options := []reactor.Option{
		reactor.WithInterceptors(s.around()...),
		reactor.WithCallQueue(s.queue), reactor.WithHeartbeat(s.heartbeat), reactor.WithLogger(s.log),
		reactor.WithIdentity(s.name, s.id), reactor.WithStopTimeout(0),
	}
	if s.concurrency > 1 {
		options = append(options, reactor.WithPool(s.concurrency, nil))
	}
	if s.worker != nil {
		options = append(options, reactor.WithOffer(s.offer()))
	}
	return options
}

// around returns the interceptors, the first outermost.
func (s *Server) around() []reactor.Interceptor {
	around := []reactor.Interceptor{s.about.Methods.Count}
	if s.endStreams {
		around = append(around, reactor.EndStreams(s.stopping))
	}
	for _, interceptor := range s.interceptors {
		around = append(around, s.exceptManagement(interceptor))
	}
	return around
}

// exceptManagement returns an interceptor that leaves the server's management
// alone: one that wants to know the caller would keep everybody from asking what
// the server is.
func (s *Server) exceptManagement(interceptor reactor.Interceptor) reactor.Interceptor {
	return func(next reactor.Invoker) reactor.Invoker {
		intercepted := interceptor(next)
		return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
			if management.Is(c.Method) {
				return next(ctx, c)
			}
			return intercepted(ctx, c)
		}
	}
}
