package service

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/management"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry"
)

// Server serves handlers under a name: it listens, registers, answers what every
// service answers about itself, and drains when it stops.
//
// With [WithBroker] it works for a broker as well: it connects to it, offers its service,
// and gets as many requests at once as it handles, which is the concurrency of
// [WithLimits]. It then listens for direct calls only if it has [WithBind] or a registry.
// Direct and brokered calls share everything: the handlers, the limits, the deduplication
// cache, the management and the drain.
//
// The broker may go away and come back. The server keeps a session with it, also while its
// handlers are busy, and begins another one soon after a session has ended, which cancels
// the calls that came in it. The broker knows the server by its id, see [WithID]: if it
// gives the id to another worker, Run ends with code ALREADY_EXISTS, unless [WithRenaming]
// is given. Run also ends with the error of a broker that will never accept the server, as
// with PERMISSION_DENIED; a broker that has no room is tried again.
//
// Run may be called once; all other methods may be called by any number of goroutines at
// once. It follows dīvidere's service.Service, RFC 7's worker, and NorFab's.
type Server struct {
	serverConfig
	name       string
	contextID  string
	route      string            // to whom this host's address is still to be found; empty if it is known
	listener   *messaging.Server // nil if it listens nowhere
	worker     *messaging.Worker // nil if it works for no broker
	reactor    *reactor.Reactor
	handlers   *reactor.Handlers // those of the user
	about      *management.Server
	ownClient  *registry.Client // to be closed; nil if it is not ours
	started    atomic.Bool
	advertised atomic.Pointer[[]string] // where others reach it
	began      atomic.Int64             // when Run did, in Unix nanoseconds
	entered    chan struct{}            // closed when there is a registration
	stopping   context.Context
	stop       context.CancelFunc // ends stopping

	mu           sync.Mutex // guards what follows
	health       mitterev1.Health
	leaving      bool // it stays draining
	registration *registry.Registration
}

// NewServer returns a server of handlers under a name. It listens at once and serves when
// it runs; it must be closed. Everything that is wrong with the name, the handlers and the
// options is reported by one error with code INVALID_ARGUMENT.
//
// A name has 1 to 255 bytes of UTF-8 without control characters or slashes; those that
// begin with "mmi." or "mittere.v1." are reserved. An empty name stands for the full name
// of the first service among the handlers' methods.
func NewServer(zctx *comm.Context, name string, handlers *reactor.Handlers, options ...ServerOption) (*Server, error) {
	config := newServerConfig(options)
	config.checks.Require(handlers != nil, "no handlers")
	if handlers == nil {
		handlers = reactor.NewHandlers()
	}
	name, wrong := nameFor(name, handlers)
	config.id = cmp.Or(config.id, registry.NewID())
	config.checks.Note(wrong, checkName("id", config.id))
	if err := config.checks.Err(); err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "service %.80q: %w", name, err)
	}
	s := &Server{
		serverConfig: config, name: name, contextID: zctx.ID(), handlers: handlers,
		health: mitterev1.Health_HEALTH_SERVING, entered: make(chan struct{}),
	}
	s.stopping, s.stop = context.WithCancel(context.Background())
	if err := s.open(zctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Name returns the name of the service.
func (s *Server) Name() string { return s.name }

// ID returns what tells the instance from others of its name.
func (s *Server) ID() string { return s.id }

// Endpoints returns where others reach the instance directly. Where that depends on the
// way to a registry or a broker whose name is not known yet, it is nowhere until Run has
// found it.
func (s *Server) Endpoints() []string {
	if at := s.advertised.Load(); at != nil {
		return *at
	}
	return nil
}

// SetHealth sets what the server says of its health, and the registry too: clients
// give no calls to one that is not serving. A broker gives none either: to it the server
// drains until it is serving again. When the server stops it is draining, whatever is set.
func (s *Server) SetHealth(health mitterev1.Health) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return
	}
	s.health = health
	s.reactor.Withhold(health == mitterev1.Health_HEALTH_NOT_SERVING || health == mitterev1.Health_HEALTH_DRAINING)
	if s.registration != nil {
		s.registration.SetHealth(health)
	}
}

// Health returns what the server says of its health.
func (s *Server) Health() mitterev1.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

// Close closes the sockets and the client of the registry. It is called when Run
// has returned, or never was.
func (s *Server) Close() (err error) {
	s.stop()
	if s.listener != nil {
		err = s.listener.Close()
	}
	if s.worker != nil {
		err = errors.Join(err, s.worker.Close())
	}
	if s.ownClient != nil {
		err = errors.Join(err, s.ownClient.Close())
	}
	return err
}
