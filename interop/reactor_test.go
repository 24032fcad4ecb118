//go:build interop

package interop_test

import (
	"context"
	"log/slog"
	"testing"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// react runs a reactor of Go until the test ends.
func (s *stage) react(handlers *reactor.Handlers, sockets ...reactor.Socket) *reactor.Reactor {
	s.t.Helper()
	log := slog.New(slog.NewTextHandler(s.t.Output(), nil))
	r, err := reactor.New(handlers, sockets, reactor.WithLogger(log))
	s.check(err)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(s.t.Context()) }()
	s.t.Cleanup(func() {
		if err := <-ended; err != nil {
			s.t.Error("the reactor ended: ", err)
		}
	})
	return r
}

// double answers a testMsg01 with an ImageMsg.
func double(_ context.Context, m *testMsg01) (*imageMsg, error) {
	return newTyped[nameImageMsg]().set("name", m.field("field1").String()+m.field("field1").String()), nil
}

// same answers a Numbered with itself.
func same(_ context.Context, m *numberedMsg) (*numberedMsg, error) { return m, nil }

// echoing returns the handlers of these tests: one that answers, one that fails,
// one that panics.
func echoing() *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.Handle(h, double)
	reactor.Handle(h, same)
	reactor.Handle(h, func(context.Context, *imageMsg) (*imageMsg, error) {
		return nil, messaging.Errorf(messaging.NotFound, "there is no such image")
	})
	reactor.Handle(h, func(context.Context, *testv1.Note) (*testv1.Note, error) { panic("a bug") })
	reactor.Handle(h, func(_ context.Context, m *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return &testv1.EchoResponse{Text: m.GetText()}, nil
	})
	reactor.Observe(h, func(context.Context, *testv1.Blob) error { return nil })
	return h
}

func TestGoReactorServesPythonRequest(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort)
	r := s.react(echoing(), response)
	s.peer.open("request", "messaging.Request", response.Endpoints()[0])
	const rounds = 50 // as dīvidere's own test
	for range rounds {
		s.peer.send("request", newMessage(t, "testMsg01", `field1: "du"`))
		wantMessage(t, s.peer.recv("request").message, newMessage(t, "ImageMsg", `name: "dudu"`))
	}
	if got := r.Stats().Handled; got != rounds {
		t.Errorf("%d messages handled, want %d", got, rounds)
	}
}

// Python writes the short name of the request and finds the reply by its full
// name.
func TestGoReactorServesPackagedMessagesOfPython(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort)
	s.react(echoing(), response)
	s.peer.open("request", "messaging.Request", response.Endpoints()[0])
	s.peer.send("request", newMessage(t, "mittere.test.v1.EchoRequest", `text: "Dīvidere"`))
	wantMessage(t, s.peer.recv("request").message, newMessage(t, "mittere.test.v1.EchoResponse", `text: "Dīvidere"`))

	// A handler without answer is a success without content for a Request.
	s.peer.send("request", newMessage(t, "mittere.test.v1.Blob", `data: "x"`))
	wantMessage(t, s.peer.recv("request").message, newMessage(t, "mittere.v1.Status", ``))
}

func TestGoReactorServesPythonDealer(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort)
	s.react(echoing(), response)
	s.peer.open("dealer", "messaging.Dealer", response.Endpoints()[0])

	t.Run("without delimiter", func(t *testing.T) {
		s := s.in(t)
		for range 3 {
			s.peer.send("dealer", newMessage(t, "testMsg01", `field1: "a"`))
		}
		for range 3 {
			a := s.peer.recv("dealer")
			wantRoute(t, a.route, nil)
			wantMessage(t, a.message, newMessage(t, "ImageMsg", `name: "aa"`))
		}
	})
	t.Run("with delimiter", func(t *testing.T) {
		s := s.in(t)
		m := toValue(newMessage(t, "testMsg01", `field1: "b"`))
		s.peer.do(nil, "send_with_empty_frame", arguments{"name": "dealer", "message": m})
		a := s.peer.recv("dealer")
		wantRoute(t, a.route, messaging.Delimiter())
		wantMessage(t, a.message, newMessage(t, "ImageMsg", `name: "bb"`))
	})
	t.Run("with a route", func(t *testing.T) {
		s := s.in(t)
		route := messaging.Route{[]byte("behind me")}
		s.peer.sendRouted("dealer", route, newMessage(t, "testMsg01", `field1: "c"`))
		a := s.peer.recv("dealer")
		wantRoute(t, a.route, route)
		wantMessage(t, a.message, newMessage(t, "ImageMsg", `name: "cc"`))
	})
	t.Run("without handler", func(t *testing.T) {
		s := s.in(t)
		s.peer.send("dealer", newMessage(t, "Unhandled", ``))
		wantStatus(t, s.peer.recv("dealer").message, messaging.Unimplemented)
	})
}

// wantStatus checks that a message is an error with this code.
func wantStatus(t testing.TB, m proto.Message, want messaging.Code) {
	t.Helper()
	r := m.ProtoReflect()
	if name := r.Descriptor().FullName(); name != "mittere.v1.Status" {
		t.Fatalf("got a %s, want a mittere.v1.Status", name)
	}
	fields := r.Descriptor().Fields()
	if got := messaging.Code(r.Get(fields.ByName("code")).Enum()); got != want {
		t.Errorf("code %v, want %v", got, want)
	}
	if r.Get(fields.ByName("message")).String() == "" {
		t.Error("the status has no message")
	}
}

// A REQ that gets no answer can never send again, so it must get one, whatever
// it sent. dīvidere's own reactor ends instead.
func TestGoReactorAnswersBadRequestsOfPythonAndGoesOn(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort)
	s.react(echoing(), response)
	s.peer.open("request", "connection.Request", response.Endpoints()[0])
	good := s.peer.encode(numbered(t, 1))
	for _, bad := range []struct {
		name  string
		frame []byte
		code  messaging.Code
	}{
		{"nothing", nil, messaging.InvalidArgument},
		{"garbage", []byte("\xff\xfe garbage"), messaging.InvalidArgument},
		{"truncated", good[:len(good)-3], messaging.InvalidArgument},
		{"name without message", s.head("Numbered"), messaging.InvalidArgument},
		{"names that disagree", s.envelope("testMsg01", "Numbered", nil), messaging.InvalidArgument},
		{"a name that is not UTF-8", s.envelope("\xff", "\xff", nil), messaging.InvalidArgument},
		{"a body that is no such message", s.envelope("Numbered", "Numbered", []byte("\x08")), messaging.InvalidArgument},
		{"a type that nobody knows", s.envelope("Nobody", "Nobody", nil), messaging.Unimplemented},
		{"a type without handler", s.envelope("Unhandled", "Unhandled", nil), messaging.Unimplemented},
		{"a handler that fails", s.envelope("ImageMsg", "ImageMsg", nil), messaging.NotFound},
		{"a handler that panics", s.envelope("Note", "mittere.test.v1.Note", nil), messaging.Internal},
	} {
		t.Run(bad.name, func(t *testing.T) {
			s := s.in(t)
			s.peer.sendBytes("request", bad.frame)
			m, err := s.peer.decode(s.peer.recv("request").bytes)
			s.check(err)
			wantStatus(t, m, bad.code)

			s.peer.sendBytes("request", good)
			m, err = s.peer.decode(s.peer.recv("request").bytes)
			s.check(err)
			wantMessage(t, m, numbered(t, 1))
		})
	}
}

// head returns an envelope that has field 1 alone.
func (s *stage) head(name string) []byte {
	return append([]byte{0x0a, byte(len(name))}, name...)
}

// envelope returns a frame with any name, type and body, all shorter than 128
// bytes.
func (s *stage) envelope(name, typeName string, body []byte) []byte {
	url := "type.googleapis.com/" + typeName
	packed := append([]byte{0x0a, byte(len(url))}, url...)
	packed = append(append(packed, 0x12, byte(len(body))), body...)
	return append(append(s.head(name), 0x12, byte(len(packed))), packed...)
}

// A program that was not told of mittere.v1.Status cannot read an error, but it
// has got its answer and goes on.
func TestPythonRequestGoesOnAfterAnErrorItCannotRead(t *testing.T) {
	s := newStage(t, "mittere/v1/status.proto")
	response := open(s, messaging.NewRep, anyPort)
	s.react(echoing(), response)
	s.peer.open("request", "messaging.Request", response.Endpoints()[0])
	s.peer.send("request", newMessage(t, "Unhandled", ``))
	if err := s.peer.begin("recv", arguments{"name": "request"}).try(nil); err == nil {
		t.Error("dīvidere read a message whose type it does not know")
	}
	s.peer.send("request", numbered(t, 1))
	wantMessage(t, s.peer.recv("request").message, numbered(t, 1))
}

// The reactor of dīvidere's guide listens on a Response and a Subscriber.
func TestGoReactorListensToPythonRequestAndPublisher(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort)
	s.peer.open("publisher", "messaging.Publisher", "tcp://127.0.0.1:*")
	published := make(chan *imageMsg, 1)
	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, double)
	reactor.Observe(handlers, func(_ context.Context, m *imageMsg) error {
		published <- m
		return nil
	})
	sub := s.subscribeAt(s.peer.endpoint("publisher"), "publisher", messaging.WithTopics(s.everything()))
	r := s.react(handlers, response, sub)
	s.peer.open("request", "messaging.Request", response.Endpoints()[0])

	s.peer.send("publisher", newMessage(t, "Unhandled", ``)) // harms nobody
	image := newMessage(t, "ImageMsg", `name: "published"`)
	s.peer.send("publisher", image)
	wantMessage(t, <-published, image)
	s.peer.send("request", newMessage(t, "testMsg01", `field1: "x"`))
	wantMessage(t, s.peer.recv("request").message, newMessage(t, "ImageMsg", `name: "xx"`))
	if got := r.Stats().Unknown; got != 1 {
		t.Errorf("%d messages without handler counted, want 1", got)
	}
}

func TestGoReactorStreamsToPythonDealer(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort)
	handlers := reactor.NewHandlers()
	reactor.Stream(handlers, func(_ context.Context, m *testMsg01, send func(*numberedMsg) error) error {
		for number := range uint64(m.field("field2").Int()) {
			if err := send(newTyped[nameNumbered]().set("number", number)); err != nil {
				return err
			}
		}
		return nil
	})
	s.react(handlers, response)
	s.peer.open("dealer", "messaging.Dealer", response.Endpoints()[0])
	s.peer.send("dealer", newMessage(t, "testMsg01", `field2: 5`))
	for number := range uint64(5) {
		wantMessage(t, s.peer.recv("dealer").message, numbered(t, number))
	}
	wantMessage(t, s.peer.recv("dealer").message, newMessage(t, "mittere.v1.Status", ``))
}
