//go:build interop

package interop_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// asker makes a client at the front of a proxy and returns what sends a request
// and waits for its reply.
type asker func(s *stage, front string) func(proto.Message) proto.Message

// askers are the clients of both ends.
func askers() map[string]asker {
	return map[string]asker{
		"Go Request": func(s *stage, front string) func(proto.Message) proto.Message {
			request := open(s, messaging.NewReq, front, s.withTypes())
			return func(m proto.Message) proto.Message {
				reply, err := request.Do(s.ctx, m)
				s.check(err)
				return reply
			}
		},
		"Go Dealer": func(s *stage, front string) func(proto.Message) proto.Message {
			dealer := open(s, messaging.NewDealer, front, s.withTypes())
			return func(m proto.Message) proto.Message {
				s.check(dealer.SendTo(s.ctx, messaging.Delimiter(), m))
				return s.receive(dealer)
			}
		},
		"Python Request": func(s *stage, front string) func(proto.Message) proto.Message {
			name := s.t.Name()
			s.peer.open(name, "messaging.Request", front)
			return func(m proto.Message) proto.Message {
				s.peer.send(name, m)
				return s.peer.recv(name).message
			}
		},
		"Python Dealer": func(s *stage, front string) func(proto.Message) proto.Message {
			name := s.t.Name()
			s.peer.open(name, "messaging.Dealer", front)
			return func(m proto.Message) proto.Message {
				s.peer.do(nil, "send_with_empty_frame", arguments{"name": name, "message": toValue(m)})
				return s.peer.recv(name).message
			}
		},
	}
}

// answerer makes a server at the back of a proxy and returns what lets it answer
// the next request with an echo, beside the test, until the returned function
// was called.
type answerer func(s *stage, back string) func() (finish func())

// answerers are the servers of both ends.
func answerers() map[string]answerer {
	return map[string]answerer{
		"Go Response": func(s *stage, back string) func() func() {
			return s.besides(open(s, messaging.NewRep, ">"+back, s.withTypes()))
		},
		"Go Dealer": func(s *stage, back string) func() func() {
			return s.besides(open(s, messaging.NewDealer, back, s.withTypes()))
		},
		"Python Response": func(s *stage, back string) func() func() {
			return s.besidesInPeer("messaging.Response", back)
		},
		"Python Dealer": func(s *stage, back string) func() func() {
			return s.besidesInPeer("messaging.Dealer", back)
		},
	}
}

// besides sends an echo from a socket of Go.
func (s *stage) besides(from messaging.Source) func() func() {
	return func() func() {
		done := make(chan error)
		go func() { done <- s.echoOne(from) }()
		return func() { s.check(<-done) }
	}
}

// besidesInPeer sends an echo from an object of dīvidere.
func (s *stage) besidesInPeer(factory, back string) func() func() {
	s.t.Helper()
	name := s.t.Name()
	s.peer.open(name, factory, back)
	return func() func() {
		echo := s.peer.beginEcho(name, 1)
		return func() { echo.end(nil) }
	}
}

// dīvidere's Proxy passes frames on as they are, so that everything works through
// it that works without.
func TestDividereProxyConnectsClientsAndServersOfBothEnds(t *testing.T) {
	clients := newStage(t)
	proxies, servers := clients.withPeer(), clients.withPeer()
	for asks, ask := range askers() {
		for answers, answer := range answerers() {
			if strings.HasPrefix(asks, "Python") && strings.HasPrefix(answers, "Python") {
				continue // shows nothing of Go
			}
			t.Run(asks+" to "+answers, func(t *testing.T) {
				proxies, servers, clients := proxies.in(t), servers.in(t), clients.in(t)
				proxies.peer.open(t.Name(), "connection.Proxy", 0, 0)
				begin := answer(servers, proxies.peer.endpoint(t.Name(), "backend"))
				client := ask(clients, proxies.peer.endpoint(t.Name(), "socket_"))
				for number := range uint64(3) {
					finish := begin()
					wantMessage(t, client(numbered(t, number)), numbered(t, number))
					finish()
				}
			})
		}
	}
}

func TestDividereProxyKeepsTheRouteOfAGoDealer(t *testing.T) {
	s := newStage(t)
	s.peer.open("proxy", "connection.Proxy", 0, 0)
	worker := open(s, messaging.NewDealer, s.peer.endpoint("proxy", "backend"), s.withTypes())
	client := open(s, messaging.NewDealer, s.peer.endpoint("proxy", "socket_"), s.withTypes(),
		messaging.WithSocket(comm.WithRoutingID("a client of Go")))
	s.check(client.Send(s.ctx, numbered(t, 1)))
	d := s.delivery(worker)
	wantRoute(t, d.Route, messaging.Route{[]byte("a client of Go")})
	s.check(d.Reply(s.ctx, s.message(d)))
	wantMessage(t, s.receive(client), numbered(t, 1))
}
