package service

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

// loopback is the address of servers that nobody elsewhere can know of.
const loopback = "127.0.0.1"

// needsAddress reports whether it must be known what others reach this host by.
func (c *serverConfig) needsAddress() bool {
	return len(c.bind) == 0 || len(c.advertise) == 0 && slices.ContainsFunc(c.bind, registry.Everywhere)
}

// listenOn binds the socket and notes where others reach it. Without a local address,
// which is not known yet, nothing is bound that is to be bound there.
func (s *Server) listenOn(local string) error {
	endpoints := s.bind
	if len(endpoints) == 0 && local != "" {
		endpoints = []string{"tcp://" + net.JoinHostPort(local, "*")}
	}
	for _, endpoint := range endpoints {
		if err := s.listenAt(s.listener, strings.TrimPrefix(endpoint, "@")); err != nil {
			return err
		}
	}
	s.advertiseAt(local)
	return nil
}

// advertiseAt notes where others reach what the socket is bound to.
func (s *Server) advertiseAt(local string) {
	everywhere := len(s.advertise) == 0 && slices.ContainsFunc(s.bind, registry.Everywhere)
	if everywhere && net.ParseIP(local).IsLoopback() && s.client != nil {
		s.log.Warn("listens on all interfaces and is registered with the loopback address, by which it asks the registry: "+
			"other hosts will not reach it, see service.WithAdvertise", "name", s.name, "id", s.id, "registry", s.client.Endpoint())
	}
	at := s.reached(s.listener.Endpoints(), local)
	s.advertised.Store(&at)
}

// findAgain is how long to wait until this host's address is looked for again.
const findAgain = time.Second

// findAddress finds this host's address on the way to the registry or the broker, if it
// is not known yet, and listens there, until ctx ends: a name may be made known later,
// and a network come up.
func (s *Server) findAddress(ctx context.Context) {
	var said time.Time
	for s.route != "" && ctx.Err() == nil {
		local, err := registry.LocalAddress(ctx, s.route)
		if err == nil {
			err = s.listenLate(local)
		}
		if err == nil {
			s.log.Info("listens", "name", s.name, "id", s.id, "endpoints", s.Endpoints())
			s.reactor.Reoffer()
			return
		}
		if time.Since(said) > remindEvery {
			s.log.Warn("not reachable yet by others", "name", s.name, "id", s.id, "error", err)
			said = time.Now()
		}
		select {
		case <-time.After(findAgain):
		case <-ctx.Done():
		}
	}
}

// listenLate is listenOn when the local address has become known: what could be bound
// without it is bound.
func (s *Server) listenLate(local string) error {
	if len(s.bind) == 0 {
		return s.listenOn(local)
	}
	s.advertiseAt(local)
	return nil
}

// listenAt binds a socket to an endpoint, with a port of those to choose from if
// it says none.
func (c *serverConfig) listenAt(socket *messaging.Server, endpoint string) error {
	host, free := strings.CutSuffix(endpoint, ":*")
	if !free || c.first == 0 || !strings.HasPrefix(endpoint, "tcp://") {
		return socket.Bind(endpoint)
	}
	for port := c.first; port <= c.last; port++ {
		err := socket.Bind(host + ":" + strconv.Itoa(port))
		if err == nil || !isTaken(err) {
			return err
		}
	}
	return messaging.Errorf(messaging.ResourceExhausted, "%s: no port of %d to %d is free", host, c.first, c.last)
}

// reached returns where others reach what listens at endpoints; without a local
// address none of those that are on all interfaces.
func (c *serverConfig) reached(endpoints []string, local string) []string {
	switch {
	case len(c.advertise) > 0:
		return c.advertise
	case local == "":
		return slices.DeleteFunc(slices.Clone(endpoints), registry.Everywhere)
	default:
		return registry.Advertised(endpoints, local)
	}
}

// isTaken reports whether another socket has the address.
func isTaken(err error) bool { return errors.Is(err, comm.AddressInUse) }
