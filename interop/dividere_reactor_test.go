//go:build interop

package interop_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// One reactor of dīvidere on three sockets, each with a peer of Go.
func TestDividereReactorHandlesWhatGoSends(t *testing.T) {
	s := newStage(t)
	pub := open(s, messaging.NewPublisher, anyPort)
	router := open(s, messaging.NewRouter, anyPort, s.withTypes())
	s.peer.open("subscriber", "messaging.Subscriber", pub.Endpoints()[0])
	s.peer.open("response", "messaging.Response", pythonPort)
	s.peer.open("dealer", "messaging.Dealer", router.Endpoints()[0])
	request := open(s, messaging.NewReq, s.peer.endpoint("response"), s.withTypes())
	s.peer.send("dealer", numbered(t, 1)) // tells the router its name
	dealer := s.delivery(router).Route
	s.peer.do(nil, "react", arguments{
		"name": "reactor", "factory": "reactors.Recorder", "sockets": []string{"subscriber", "response", "dealer"},
	})

	t.Run("publisher", func(t *testing.T) {
		s := s.in(t)
		m := newMessage(t, "ImageMsg", `name: "published"`)
		s.check(pub.WaitForSubscribers(s.ctx, 1, m))
		s.check(pub.Send(s.ctx, m))
		s.wantHandled("Subscriber", nil, m)
	})
	t.Run("request", func(t *testing.T) {
		s := s.in(t)
		m := newMessage(t, "testMsg01", `field1: "requested"`)
		reply, err := request.Do(s.ctx, m)
		s.check(err)
		wantMessage(t, reply, m)
		s.wantHandled("Response", nil, m)
	})
	t.Run("dealer", func(t *testing.T) {
		s := s.in(t)
		m := newMessage(t, "testMsg01", `field1: "as a REQ does"`)
		asks := open(s, messaging.NewDealer, s.peer.endpoint("response"), s.withTypes())
		s.check(asks.SendTo(s.ctx, messaging.Delimiter(), m))
		wantMessage(t, s.receive(asks), m)
		s.wantHandled("Response", nil, m)
	})
	t.Run("packaged request", func(t *testing.T) {
		s := s.in(t)
		m := newMessage(t, "interop.v1.Reading", `value: 1`)
		reply, err := request.Do(s.ctx, m)
		s.check(err)
		wantMessage(t, reply, m)
		s.wantHandled("Response", nil, m)
	})
	t.Run("router", func(t *testing.T) {
		s := s.in(t)
		m := newMessage(t, "testMsg01", `field1: "addressed"`)
		s.check(router.SendTo(s.ctx, dealer, m))
		wantMessage(t, s.receive(router), m)
		s.wantHandled("Dealer", nil, m)
	})
	t.Run("router with a route", func(t *testing.T) {
		s := s.in(t)
		m := newMessage(t, "testMsg01", `field1: "routed"`)
		route := messaging.Route{[]byte("from behind")}
		s.check(router.SendTo(s.ctx, append(dealer[:1:1], route...), m))
		d := s.delivery(router)
		wantRoute(t, d.Route[1:], route)
		wantMessage(t, s.message(d), m)
		s.wantHandled("Dealer", route, m)
	})
}

// wantHandled checks what dīvidere's reactor handled next, and on which socket.
func (s *stage) wantHandled(socket string, route messaging.Route, m proto.Message) {
	s.t.Helper()
	a := s.peer.handled("reactor")
	if a.socket != socket {
		s.t.Errorf("handled on a %s, want a %s", a.socket, socket)
	}
	wantRoute(s.t, a.route, route)
	wantMessage(s.t, a.message, m)
}

// dīvidere's reactors end at a message that says so, and at one that they have no
// handler for. Either may come from Go.
func TestGoPublisherEndsDividereReactor(t *testing.T) {
	for _, name := range []string{"ShutdownEvent", "Unhandled"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			pub := open(s, messaging.NewPublisher, anyPort)
			s.peer.open("subscriber", "messaging.Subscriber", pub.Endpoints()[0])
			s.peer.do(nil, "react", arguments{
				"name": "reactor", "factory": "reactors.Recorder", "sockets": []string{"subscriber"},
			})
			m := newMessage(t, name, "")
			s.check(pub.WaitForSubscribers(s.ctx, 1, m))
			s.check(pub.Send(s.ctx, m))
			var ended bool
			s.peer.do(&ended, "ended", arguments{"name": "reactor"})
			if !ended {
				t.Error("the reactor goes on")
			}
		})
	}
}
