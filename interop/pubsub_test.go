//go:build interop

package interop_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// several returns messages of several types.
func several(t testing.TB) []proto.Message {
	t.Helper()
	return []proto.Message{
		newMessage(t, "testMsg01", `field1: "hi" field2: 7`),
		newMessage(t, "ImageMsg", `name: "one" pixels: "\001\002"`),
		newMessage(t, "ImageMsgs", `images { name: "two" }`),
		newMessage(t, "AllScalars", `bool_value: true`),
		newMessage(t, "testMsg01", `field1: "again"`),
		newMessage(t, "testMsg01", ``),
	}
}

func TestPythonPublisherReachesGoSubscriber(t *testing.T) {
	s := newStage(t)
	sub := s.subscribeTo("publisher", s.everything())
	for _, m := range several(t) {
		s.peer.send("publisher", m)
		wantMessage(t, s.receive(sub), m)
	}
	if stats := sub.Stats(); stats.Malformed != 0 || stats.Missed != 0 {
		t.Errorf("a publisher without numbers is seen to lose messages: %+v", stats)
	}
}

func TestGoPublisherReachesPythonSubscriber(t *testing.T) {
	s := newStage(t)
	pub := open(s, messaging.NewPublisher, anyPort)
	s.peer.open("subscriber", "messaging.Subscriber", pub.Endpoints()[0])
	for _, m := range several(t) {
		s.check(pub.WaitForSubscribers(s.ctx, 1, m))
		s.check(pub.Send(s.ctx, m))
		wantMessage(t, s.peer.recv("subscriber").message, m)
	}
}

func TestGoPublisherReachesEveryPythonSubscriber(t *testing.T) {
	s := newStage(t)
	pub := open(s, messaging.NewPublisher, anyPort)
	names := []string{"first", "second", "third"}
	for _, name := range names {
		s.peer.open(name, "messaging.Subscriber", pub.Endpoints()[0])
	}
	m := newMessage(t, "testMsg01", `field1: "to all"`)
	s.check(pub.WaitForSubscribers(s.ctx, len(names), m))
	s.check(pub.Send(s.ctx, m))
	for _, name := range names {
		wantMessage(t, s.peer.recv(name).message, m)
	}
}

func TestPublishersAndSubscribersMeetOverIPC(t *testing.T) {
	s := newStage(t)
	m := newMessage(t, "testMsg01", `field1: "within the host"`)

	pub := open(s, messaging.NewPublisher, "ipc://*")
	s.peer.open("subscriber", "messaging.Subscriber", pub.Endpoints()[0])
	s.check(pub.WaitForSubscribers(s.ctx, 1, m))
	s.check(pub.Send(s.ctx, m))
	wantMessage(t, s.peer.recv("subscriber").message, m)

	// A folder of its own, with a short name: the address of a socket is short.
	folder, err := os.MkdirTemp("", "ipc")
	s.check(err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	endpoint := "ipc://" + filepath.Join(folder, "publisher")
	s.peer.open("publisher", "messaging.Publisher", endpoint)
	sub := s.subscribeAt(endpoint, "publisher", messaging.WithTopics(s.everything()))
	s.peer.send("publisher", m)
	wantMessage(t, s.receive(sub), m)
}

func TestWithoutMetaFramesAreDividereByteForByte(t *testing.T) {
	s := newStage(t)
	pub := open(s, messaging.NewPublisher, anyPort, messaging.WithoutMeta())
	s.peer.open("subscriber", "connection.Subscriber", pub.Endpoints()[0])
	for _, m := range []proto.Message{ // of one field: dynamicpb writes several in any order
		newMessage(t, "testMsg01", ``),
		newMessage(t, "testMsg01", `field1: "hi"`),
		newMessage(t, "ImageMsg", `pixels: "\001\002"`),
		newMessage(t, "ImageMsgs", `images { name: "two" }`),
		newMessage(t, "AllScalars", `double_value: -0.5`),
		newMessage(t, manyNames()[8], `text: "a name of 128 letters"`),
	} {
		s.check(pub.WaitForSubscribers(s.ctx, 1, m))
		s.check(pub.Send(s.ctx, m))
		if got, want := s.peer.recv("subscriber").bytes, s.peer.encode(m); !bytes.Equal(got, want) {
			t.Errorf("Go wrote     %x\nPython wrote %x", got, want)
		}
	}
}

func TestDividereSkipsWhatItDoesNotKnow(t *testing.T) {
	s := newStage(t)
	pub := open(s, messaging.NewPublisher, anyPort)
	s.peer.open("subscriber", "messaging.Subscriber", pub.Endpoints()[0])
	s.peer.open("frames", "connection.Subscriber", pub.Endpoints()[0])
	m := newMessage(t, "testMsg01", `field1: "with everything"`)
	s.check(pub.WaitForSubscribers(s.ctx, 2, m, "room", "7"))
	s.check(pub.Send(s.ctx, m, messaging.Subject("room", "7"),
		messaging.Metadata(map[string]string{"key": "value"}),
		messaging.Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=b")))
	wantMessage(t, s.peer.recv("subscriber").message, m)

	e, err := messaging.Decode(s.peer.recv("frames").bytes)
	s.check(err)
	if len(e.Subject) != 2 || e.Meta.Sequence != 1 || e.Meta.Publisher != pub.ID() || e.Meta.Metadata["key"] != "value" {
		t.Errorf("the frame that dīvidere read had no subject or meta: %+v", e)
	}
}
