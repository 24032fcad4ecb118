//go:build interop

package interop_test

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// balancer is dīvidere's load balancing broker, in a process of its own.
type balancer struct {
	*stage
	front, back string
}

// balance starts a broker.
func (s *stage) balance() balancer {
	s.t.Helper()
	b := balancer{stage: s.withPeer()}
	b.peer.open("broker", "messaging.Broker")
	b.front, b.back = b.peer.endpoint("broker", "feSock_"), b.peer.endpoint("broker", "beSock_")
	return b
}

// waitForServers waits until servers have registered: a request before that
// would end the broker.
func (b balancer) waitForServers(n int) {
	b.t.Helper()
	b.peer.do(nil, "wait_for_servers", arguments{"name": "broker", "count": n})
}

func TestGoClientsAreServedThroughDividereBroker(t *testing.T) {
	s := newStage(t)
	broker := s.balance()
	s.peer.open("dealer", "messaging.Dealer", broker.back)
	s.peer.do(nil, "react", arguments{"name": "server", "factory": "reactors.Server", "sockets": []string{"dealer"}})
	broker.waitForServers(1)

	m := newMessage(t, "testMsg01", `field1: "balanced"`)
	t.Run("dealer", func(t *testing.T) {
		s := s.in(t)
		dealer := open(s, messaging.NewDealer, broker.front, s.withTypes())
		for range 3 {
			s.check(dealer.Send(s.ctx, m))
			wantMessage(t, s.receive(dealer), m)
		}
	})
	t.Run("request", func(t *testing.T) {
		s := s.in(t)
		request := open(s, messaging.NewReq, broker.front, s.withTypes())
		for range 3 {
			reply, err := request.Do(s.ctx, m)
			s.check(err)
			wantMessage(t, reply, m)
		}
	})
}

// A server registers by a Heartbeat. Its routing id must be text, since the
// broker sends it back in a string.
func TestGoDealerServesBehindDividereBroker(t *testing.T) {
	s := newStage(t)
	broker := s.balance()
	const name = "a server of Go"
	server := open(s, messaging.NewDealer, broker.back, s.withTypes(),
		messaging.WithSocket(comm.WithRoutingID(name)))
	heartbeat := newMessage(t, "Heartbeat", "")
	heartbeat.ProtoReflect().Set(heartbeat.ProtoReflect().Descriptor().Fields().ByName("id"), protoreflect.ValueOfString(name))
	s.check(server.Send(s.ctx, heartbeat))
	broker.waitForServers(1)

	s.peer.open("client", "messaging.Client", broker.front)
	for number := range uint64(3) {
		s.peer.send("client", numbered(t, number))
		d := s.delivery(server)
		if d.Type == "Heartbeat" { // the broker asks after a while
			d = s.delivery(server)
		}
		s.check(d.Reply(s.ctx, s.message(d)))
		a := s.peer.arrival(s.peer.begin("recv_retrying", arguments{"name": "client"}))
		wantMessage(t, a.message, numbered(t, number))
	}
}
