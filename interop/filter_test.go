//go:build interop

package interop_test

import (
	"strings"
	"testing"

	"github.com/mittere/mittere/messaging"
)

// manyNames returns names of messages of 1 to 128 letters. The length 128 takes
// two bytes on the wire; three names begin with each other.
func manyNames() []string {
	long := func(prefix string, length int) string {
		return prefix + strings.Repeat("x", length-len(prefix))
	}
	return []string{
		"L", "Lengths", "ImageMsg", "ImageMsgs", "testMsg01", "AllScalars", "NameOfSixteenChr",
		long("NameOf127LettersX", 127), long("NameOf128LettersX", 128),
	}
}

func TestGoFilterOnPythonPublisherSelectsNamesOfEveryLength(t *testing.T) {
	s := newStage(t)
	s.peer.open("publisher", "messaging.Publisher", "tcp://127.0.0.1:*")
	endpoint := s.peer.endpoint("publisher")
	for _, name := range manyNames() {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			sub := s.subscribeAt(endpoint, "publisher", messaging.WithTopics(s.ofType(name)))
			defer sub.Close()
			for _, other := range manyNames() {
				s.peer.send("publisher", newMessage(t, other, ""))
			}
			s.peer.send("publisher", numbered(t, 0, "Sync"))
			wantMessage(t, s.receive(sub), newMessage(t, name, ""))
			wantMessage(t, s.receive(sub), numbered(t, 0, "Sync"))
		})
	}
}

func TestDividereFilterByNameOfEightLettersGetsExactlyThatType(t *testing.T) {
	s := newStage(t)
	pub := open(s, messaging.NewPublisher, anyPort)
	s.peer.open("subscriber", "messaging.Subscriber", pub.Endpoints()[0], ofTypes("ImageMsg", "Numbered"))
	s.check(pub.WaitForSubscribers(s.ctx, 1, numbered(t, 0)))
	for _, name := range manyNames() {
		s.check(pub.Send(s.ctx, newMessage(t, name, "")))
		s.check(pub.Send(s.ctx, newMessage(t, name, ""), messaging.Subject("room", "7")))
	}
	s.check(pub.Send(s.ctx, numbered(t, 5)))
	wantMessage(t, s.peer.recv("subscriber").message, newMessage(t, "ImageMsg", ""))
	wantMessage(t, s.peer.recv("subscriber").message, newMessage(t, "ImageMsg", "")) // that with a subject
	wantMessage(t, s.peer.recv("subscriber").message, numbered(t, 5))
}

// dīvidere's filter has the length 8 whatever the name is.
func TestDividereFilterByNameOfOtherLengthGetsNothing(t *testing.T) {
	s := newStage(t)
	for _, name := range manyNames() {
		if len(name) == 8 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			pub := open(s, messaging.NewPublisher, anyPort)
			// The second filter works, and shows when the first has arrived.
			s.peer.open(name, "messaging.Subscriber", pub.Endpoints()[0], ofTypes(name, "Numbered"))
			s.check(pub.WaitForSubscribers(s.ctx, 1, numbered(t, 0)))
			if n := pub.Subscribers(newMessage(t, name, "")); n != 0 {
				t.Errorf("%d subscriptions select the type, want 0", n)
			}
			s.check(pub.Send(s.ctx, newMessage(t, name, "")))
			s.check(pub.Send(s.ctx, numbered(t, 5)))
			wantMessage(t, s.peer.recv(name).message, numbered(t, 5))
		})
	}
}

// The way around it: dīvidere's lower layer subscribes by any prefix.
func TestDividereLowerLayerFiltersByThePrefixOfATopic(t *testing.T) {
	s := newStage(t)
	pub := open(s, messaging.NewPublisher, anyPort)
	for _, name := range []string{"testMsg01", "interop.v1.Reading"} {
		// Without a filter that can match anything, but for the one added now.
		s.peer.open(name, "messaging.Subscriber", pub.Endpoints()[0], ofTypes("Lengths"))
		s.peer.do(nil, "subscribe", arguments{"name": name, "topic": string(s.ofType(name).Prefix())})
		m := newMessage(t, name, "")
		s.check(pub.WaitForSubscribers(s.ctx, 1, m))
		s.check(pub.Send(s.ctx, newMessage(t, "ImageMsg", "")))
		s.check(pub.Send(s.ctx, m))
		wantMessage(t, s.peer.recv(name).message, m)
	}
}
