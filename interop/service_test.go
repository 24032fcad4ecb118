//go:build interop

package interop_test

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// TestGoClientCallsDividereService finds a service of dīvidere's by its name, as it
// registered itself, and calls it by the type of the request.
func TestGoClientCallsDividereService(t *testing.T) {
	s := newStage(t)
	r := s.newRegistry(anyPort, anyPort)
	s.peer.open("service", "services.Echo", s.portOf(r.Endpoints()[0]), s.portOf(r.EventEndpoints()[0]))
	var registered found
	s.peer.do(&registered, "service", arguments{"name": "service"})
	client, err := service.NewClient(s.comm, registered.Name, service.FromRegistryClient(r.client))
	s.check(err)
	defer client.Close()
	for number := range uint64(3) {
		var reply proto.Message
		s.check(client.Call(s.ctx, &call.Request{Method: call.ByType(), Message: numbered(t, number)}, func(e *messaging.Envelope) (err error) {
			reply, err = e.Open(types(t))
			return err
		}))
		wantMessage(t, reply, numbered(t, number))
	}
	s.peer.do(nil, "stop", arguments{"name": "service"})
}

// TestDividereRequestCallsGoService has dīvidere's registry client find a service of
// ours, which its Request then calls.
func TestDividereRequestCallsGoService(t *testing.T) {
	s := newStage(t)
	r := s.newRegistry(anyPort, anyPort)
	handlers := reactor.NewHandlers()
	reactor.HandleType(handlers, numbered(t, 0).ProtoReflect().Type(), func(_ context.Context, m proto.Message) (proto.Message, error) {
		return numbered(t, numberOf(m)+1), nil
	})
	server, err := service.NewServer(s.comm, "services.Next", handlers, service.WithRegistryClient(r.client), service.WithPorts(5100, 6000))
	s.check(err)
	defer server.Close()
	ctx, stop := context.WithCancel(s.ctx)
	var running sync.WaitGroup
	running.Go(func() { s.check(server.Run(ctx)) })
	defer running.Wait()
	defer stop()
	s.check(server.WaitRegistered(s.ctx))

	s.peer.open("client", "registry.Client", "127.0.0.1", s.portOf(r.Endpoints()[0]))
	var at found
	s.peer.do(&at, "look_up", arguments{"name": "client", "service": "services.Next"})
	if at.Port < 5100 || at.Port > 6000 {
		t.Fatalf("dīvidere found %+v", at)
	}
	s.peer.open("request", "messaging.Request", server.Endpoints()[0])
	for number := range uint64(3) {
		s.peer.send("request", numbered(t, number))
		wantMessage(t, s.peer.recv("request").message, numbered(t, number+1))
	}
}
