//go:build interop

package interop_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// packaged returns messages whose full name has more than one segment.
func packaged(t testing.TB) []proto.Message {
	t.Helper()
	return []proto.Message{
		newMessage(t, "interop.v1.Reading", `value: 21.5 unit { symbol: "°C" }`),
		newMessage(t, "interop.v1.Reading.Unit", `symbol: "K"`),
		newMessage(t, "interop.v1.testMsg01", `count: 9 text: "not dīvidere's"`),
		newMessage(t, "interop.v1.ImageMsg", `name: "eight letters"`),
		newMessage(t, "Family.Member", `name: "no package"`),
	}
}

// dīvidere names a message without its package, and cannot find it so.
func TestDividereCannotDecodePackagedMessagesOfItsOwn(t *testing.T) {
	s := newStage(t)
	for _, m := range packaged(t) {
		name := m.ProtoReflect().Descriptor().Name()
		got, err := s.peer.decode(s.peer.encode(m))
		switch name {
		case "testMsg01", "ImageMsg":
			// Worse: there is another type of that name, and the result is
			// one of those, without content and without a word.
			s.check(err)
			wantMessage(t, got, newMessage(t, string(name), ""))
		default:
			if err == nil || !strings.Contains(err.Error(), "KeyError") {
				t.Errorf("%s: got %v, %v, want a KeyError", name, got, err)
			}
		}
	}
}

func TestGoDecodesPackagedMessagesOfDividere(t *testing.T) {
	s := newStage(t)
	sub := s.subscribeTo("publisher", s.everything())
	for _, m := range packaged(t) {
		s.peer.send("publisher", m)
		d := s.delivery(sub)
		if !d.ShortName {
			t.Errorf("%s: dīvidere wrote the full name", d.Type)
		}
		wantMessage(t, s.message(d), m)
	}
}

// Mittere writes the full name, and by that dīvidere does find the type.
func TestDividereDecodesPackagedMessagesOfGo(t *testing.T) {
	s := newStage(t)
	pub := open(s, messaging.NewPublisher, anyPort)
	s.peer.open("subscriber", "messaging.Subscriber", pub.Endpoints()[0])
	for _, m := range packaged(t) {
		s.check(pub.WaitForSubscribers(s.ctx, 1, m))
		s.check(pub.Send(s.ctx, m))
		wantMessage(t, s.peer.recv("subscriber").message, m)
	}
}

func TestGoFilterMissesPackagedMessagesOfDividereWithoutShortNames(t *testing.T) {
	s := newStage(t)
	sub := s.subscribeTo("publisher", s.ofType("interop.v1.Reading"))
	s.peer.send("publisher", newMessage(t, "interop.v1.Reading", `value: 1`))
	s.peer.send("publisher", numbered(t, 0, "Sync"))
	wantMessage(t, s.receive(sub), numbered(t, 0, "Sync"))
}

func TestGoFilterWithShortNamesSelectsPackagedMessagesOfDividere(t *testing.T) {
	s := newStage(t)
	s.peer.open("publisher", "messaging.Publisher", "tcp://127.0.0.1:*")
	endpoint := s.peer.endpoint("publisher")
	for _, m := range packaged(t) {
		name := string(m.ProtoReflect().Descriptor().FullName())
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			sub := s.subscribeAt(endpoint, "publisher",
				messaging.WithShortNames(), messaging.WithTopics(s.ofType(name)))
			defer sub.Close()
			for _, other := range packaged(t) {
				s.peer.send("publisher", other)
			}
			s.peer.send("publisher", numbered(t, 0, "Sync"))
			wantMessage(t, s.receive(sub), m)
			wantMessage(t, s.receive(sub), numbered(t, 0, "Sync"))
		})
	}
}

// A short name can be that of several types. The type URL tells which it is.
func TestTypesWithOneShortNameAreKeptApart(t *testing.T) {
	s := newStage(t)
	s.peer.open("publisher", "messaging.Publisher", "tcp://127.0.0.1:*")
	sub := s.subscribeAt(s.peer.endpoint("publisher"), "publisher",
		messaging.WithShortNames(), messaging.WithTopics(s.ofType("interop.v1.testMsg01")))
	for _, m := range []proto.Message{
		newMessage(t, "interop.v1.testMsg01", `count: 3`),
		newMessage(t, "testMsg01", `field1: "without a package"`),
	} {
		s.peer.send("publisher", m)
		wantMessage(t, s.receive(sub), m)
	}
}

// dīvidere subscribes to the short name, Mittere writes the full one.
func TestDividereFilterMissesPackagedMessagesOfGo(t *testing.T) {
	s := newStage(t)
	pub := open(s, messaging.NewPublisher, anyPort)
	s.peer.open("subscriber", "messaging.Subscriber", pub.Endpoints()[0], ofTypes("interop.v1.ImageMsg", "Numbered"))
	s.check(pub.WaitForSubscribers(s.ctx, 1, numbered(t, 0)))
	s.check(pub.Send(s.ctx, newMessage(t, "interop.v1.ImageMsg", "")))
	s.check(pub.Send(s.ctx, numbered(t, 5)))
	wantMessage(t, s.peer.recv("subscriber").message, numbered(t, 5))
}
