//go:build interop

package interop_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

// goRegistry is a registry of ours that runs, and a client of it.
type goRegistry struct {
	*registry.Server
	client *registry.Client
	stop   func()
}

// plainLease is long enough for dīvidere's service, which looks up once a second.
const plainLease = 4500 * time.Millisecond

// newRegistry runs a registry at these endpoints until the test ends, or it is
// stopped.
func (s *stage) newRegistry(endpoint, events string) *goRegistry {
	s.t.Helper()
	var server *registry.Server
	s.eventually("libzmq lets go of the ports", func() bool {
		var err error
		server, err = registry.NewServer(s.comm, endpoint, registry.WithEvents(events),
			registry.WithLimits(registry.Limits{PlainLease: plainLease}), registry.WithLogger(slog.New(slog.DiscardHandler)))
		if !errors.Is(err, comm.AddressInUse) {
			s.check(err)
		}
		return err == nil
	})
	client, err := registry.NewClient(s.comm, server.Endpoints()[0])
	s.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Run(ctx); err != nil {
			s.t.Errorf("Run: %v", err)
		}
	}()
	r := &goRegistry{Server: server, client: client, stop: func() {
		cancel()
		<-ended
		_ = client.Close()
		_ = server.Close()
	}}
	s.t.Cleanup(r.stop)
	return r
}

// portOf returns the port of an endpoint.
func (s *stage) portOf(endpoint string) int {
	s.t.Helper()
	_, text, err := net.SplitHostPort(strings.TrimPrefix(endpoint, "tcp://"))
	s.check(err)
	port, err := strconv.Atoi(text)
	s.check(err)
	return port
}

// resolve returns the only instance of a name, nil if there is none.
func (s *stage) resolve(r *goRegistry, name string) *mitterev1.Entry {
	s.t.Helper()
	entries, err := r.client.Resolve(s.ctx, name)
	if messaging.CodeOf(err) == messaging.NotFound {
		return nil
	}
	s.check(err)
	if len(entries) != 1 {
		s.t.Fatalf("%s leads to %v", name, entries)
	}
	return entries[0]
}

// eventually waits for what nothing announces.
func (s *stage) eventually(what string, happened func() bool) {
	s.t.Helper()
	for ; !happened(); time.Sleep(10 * time.Millisecond) { // between two looks
		if s.ctx.Err() != nil {
			s.t.Fatalf("waited too long: %s", what)
		}
	}
}

// found is what dīvidere's client finds.
type found struct {
	Name, Server string
	Port         int
}

func TestDividereClientUsesGoRegistry(t *testing.T) {
	s := newStage(t)
	r := s.newRegistry(anyPort, anyPort)
	s.peer.open("client", "registry.Client", "127.0.0.1", s.portOf(r.Endpoints()[0]))
	lookUp := func(want found) {
		t.Helper()
		var got found
		s.peer.do(&got, "look_up", arguments{"name": "client", "service": "calc"})
		if want.Server == "" {
			want.Server = got.Server // it chose its own address
		}
		if got != want {
			t.Errorf("dīvidere found %+v, want %+v", got, want)
		}
	}
	lookUp(found{"calc", "unavailable", 0})
	s.peer.do(nil, "register", arguments{"name": "client", "service": "calc", "port": 5123})
	lookUp(found{"calc", "", 5123})
	e := s.resolve(r, "calc")
	if e.GetInstance().GetDialect() != mitterev1.Dialect_DIALECT_PLAIN || e.GetLeaseNano() != int64(registry.DefaultMaxLease) || s.portOf(e.GetInstance().GetEndpoints()[0]) != 5123 {
		t.Errorf("the registry holds %v", e)
	}
	s.peer.do(nil, "unregister", arguments{"name": "client", "service": "calc", "port": 5123})
	lookUp(found{"calc", "unavailable", 0})
	s.peer.do(nil, "unregister", arguments{"name": "client", "service": "calc", "port": 5123}) // dīvidere's own dies of this
	native := r.client.Register(&mitterev1.Instance{Name: "calc", Id: "1", Endpoints: []string{"tcp://10.0.0.9:6000"}}, time.Minute)
	s.check(native.Wait(s.ctx))
	lookUp(found{"calc", "10.0.0.9", 6000})
}

// TestDividereServiceLivesWithGoRegistry follows a service through its life: it
// registers, gets a lease because it answers, keeps it for longer than that lasts,
// survives a registry that forgets everything, and is gone when it stops.
func TestDividereServiceLivesWithGoRegistry(t *testing.T) {
	s := newStage(t)
	r := s.newRegistry(anyPort, anyPort)
	endpoint, events := r.Endpoints()[0], r.EventEndpoints()[0]
	s.peer.open("service", "services.Echo", s.portOf(endpoint), s.portOf(events))
	var registered struct {
		Name string
		Port int
	}
	s.peer.do(&registered, "service", arguments{"name": "service"})
	e := s.resolve(r, registered.Name)
	if e == nil || s.portOf(e.GetInstance().GetEndpoints()[0]) != registered.Port {
		t.Fatalf("%+v registered, the registry holds %v", registered, e)
	}
	leased := func() bool { return s.resolve(r, registered.Name).GetLeaseNano() == int64(plainLease) }
	s.eventually("the service has answered", leased)
	// A native instance comes and goes, of which the service must hear nothing.
	other := r.client.Register(&mitterev1.Instance{Name: "calc", Id: "1", Endpoints: []string{"tcp://10.0.0.9:6000"}}, time.Minute)
	s.check(other.Wait(s.ctx))
	s.check(other.Withdraw(s.ctx))
	<-time.After(plainLease + plainLease/3)
	if !leased() {
		t.Fatal("the service lost its lease though it answers")
	}

	r.stop()
	r = s.newRegistry(endpoint, events)
	began := time.Now()
	s.eventually("the service is back", func() bool { return s.resolve(r, registered.Name) != nil })
	t.Logf("back %v after the registry", time.Since(began).Round(time.Millisecond))
	s.eventually("the service has answered again", leased)

	s.peer.do(nil, "stop", arguments{"name": "service"})
	stopped := time.Now()
	s.eventually("the service is gone", func() bool { return s.resolve(r, registered.Name) == nil })
	if took := time.Since(stopped); took > plainLease+3*time.Second {
		t.Errorf("the service is gone %v after it was stopped; its lease is %v", took, plainLease)
	}
}
