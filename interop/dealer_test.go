//go:build interop

package interop_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// wantRoute compares routes.
func wantRoute(t testing.TB, got, want messaging.Route) {
	t.Helper()
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("route %q, want %q", got, want)
	}
}

func TestPythonDealerIsAnsweredByGoResponse(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort, s.withTypes())
	s.peer.open("dealer", "messaging.Dealer", response.Endpoints()[0])
	m := newMessage(t, "testMsg01", `field1: "without delimiter"`)

	s.peer.send("dealer", m)
	s.peer.send("dealer", m) // needs no reply in between
	for range 2 {
		d := s.delivery(response)
		if d.WantsReply() || len(d.Route) != 1 || len(d.Route[0]) != 36 {
			t.Errorf("route %q, want dīvidere's UUID alone", d.Route)
		}
		s.check(d.Reply(s.ctx, s.message(d)))
	}
	for range 2 {
		a := s.peer.recv("dealer")
		wantRoute(t, a.route, nil)
		wantMessage(t, a.message, m)
	}
}

func TestPythonDealerWithEmptyFrameIsAnsweredByGoResponse(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort, s.withTypes())
	s.peer.open("dealer", "messaging.Dealer", response.Endpoints()[0])
	m := newMessage(t, "testMsg01", `field1: "with delimiter"`)

	s.peer.do(nil, "send_with_empty_frame", arguments{"name": "dealer", "message": toValue(m)})
	d := s.delivery(response)
	if !d.WantsReply() {
		t.Errorf("route %q, want an empty frame at its end", d.Route)
	}
	s.check(d.Reply(s.ctx, s.message(d)))
	a := s.peer.recv("dealer")
	wantRoute(t, a.route, messaging.Delimiter()) // dīvidere leaves it to its user
	wantMessage(t, a.message, m)
}

func TestGoDealerIsAnsweredByPythonResponse(t *testing.T) {
	s := newStage(t)
	s.peer.open("response", "messaging.Response", pythonPort)
	dealer := open(s, messaging.NewDealer, s.peer.endpoint("response"), s.withTypes())
	const count = 5
	for number := range uint64(count) { // all at once
		s.check(dealer.SendTo(s.ctx, messaging.Delimiter(), numbered(t, number)))
	}
	s.peer.beginEcho("response", count).end(nil)
	for number := range uint64(count) {
		d := s.delivery(dealer)
		wantRoute(t, d.Route, messaging.Delimiter())
		wantMessage(t, s.message(d), numbered(t, number))
	}
}

func TestPythonDealerAndGoRouterTalkBothWays(t *testing.T) {
	s := newStage(t)
	router := open(s, messaging.NewRouter, anyPort, s.withTypes())
	s.peer.open("dealer", "messaging.Dealer", router.Endpoints()[0])
	hello := newMessage(t, "testMsg01", `field1: "who I am"`)
	s.peer.send("dealer", hello)
	d := s.delivery(router)
	wantMessage(t, s.message(d), hello)
	dealer := d.Route

	t.Run("the router begins", func(t *testing.T) {
		s := s.in(t)
		s.check(router.SendTo(s.ctx, dealer, numbered(t, 1)))
		a := s.peer.recv("dealer")
		wantRoute(t, a.route, nil)
		wantMessage(t, a.message, numbered(t, 1))
	})
	t.Run("the message has a route", func(t *testing.T) {
		s := s.in(t)
		route := messaging.Route{[]byte("client"), []byte("\x00\xff")}
		s.peer.sendRouted("dealer", route, numbered(t, 2))
		d := s.delivery(router)
		wantRoute(t, d.Route, append(slices.Clone(dealer), route...))
		wantMessage(t, s.message(d), numbered(t, 2))
		s.check(d.Reply(s.ctx, numbered(t, 3)))
		a := s.peer.recv("dealer")
		wantRoute(t, a.route, route)
		wantMessage(t, a.message, numbered(t, 3))
	})
}

func TestPythonDealerAndGoDealerTalkBothWays(t *testing.T) {
	route := messaging.Route{[]byte("client"), []byte("\x00\xff")}
	for _, binds := range []string{"Go binds", "Python binds"} {
		t.Run(binds, func(t *testing.T) {
			s := newStage(t)
			dealer := s.dealers(binds == "Go binds")
			for number, m := range []proto.Message{numbered(t, 1), newMessage(t, "ImageMsg", `name: "a"`)} {
				s.peer.send("dealer", m)
				d := s.delivery(dealer)
				wantRoute(t, d.Route, nil)
				wantMessage(t, s.message(d), m)

				s.check(dealer.SendTo(s.ctx, route, m))
				s.peer.beginEcho("dealer", 1).end(nil) // a tuple comes, a tuple goes
				d = s.delivery(dealer)
				wantRoute(t, d.Route, route)
				wantMessage(t, s.message(d), m)

				s.check(dealer.Send(s.ctx, numbered(t, uint64(number))))
				a := s.peer.recv("dealer")
				wantRoute(t, a.route, nil)
				wantMessage(t, a.message, numbered(t, uint64(number)))
			}
		})
	}
}

// dealers connects a Dealer of Go with one of Python, called "dealer".
func (s *stage) dealers(goBinds bool) *messaging.Dealer {
	s.t.Helper()
	if !goBinds {
		s.peer.open("dealer", "messaging.Dealer", "tcp://127.0.0.1:*")
		return open(s, messaging.NewDealer, s.peer.endpoint("dealer"), s.withTypes())
	}
	dealer := open(s, messaging.NewDealer, anyPort, s.withTypes())
	s.peer.open("dealer", "messaging.Dealer", dealer.Endpoints()[0])
	return dealer
}

// What dīvidere sends is one frame, or a route and one frame. Everything else is
// refused and does no harm.
func TestGoRouterRefusesWhatIsNoEnvelopeOfPython(t *testing.T) {
	s := newStage(t)
	router := open(s, messaging.NewRouter, anyPort, s.withTypes())
	s.peer.open("dealer", "connection.Dealer", router.Endpoints()[0])
	frame := s.peer.encode(numbered(t, 1))
	for _, bad := range [][]byte{{}, {0}, []byte("garbage"), frame[:len(frame)-1]} {
		s.peer.sendBytes("dealer", bad)
		if _, err := router.Recv(s.ctx); messaging.CodeOf(err) != messaging.InvalidArgument {
			t.Errorf("frame %x: error %v, want INVALID_ARGUMENT", bad, err)
		}
	}
	s.peer.sendBytes("dealer", frame)
	wantMessage(t, s.receive(router), numbered(t, 1))
	if n := router.Stats().Malformed; n != 4 {
		t.Errorf("%d malformed frames counted, want 4", n)
	}
}
