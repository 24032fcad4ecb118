//go:build interop

package interop_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

const (
	// anyPort is where a Go socket binds.
	anyPort = "@tcp://127.0.0.1:*"

	// pythonPort is where a Python socket binds: dīvidere's Response binds only
	// where it reads "*:".
	pythonPort = "tcp://*:*"

	// testPatience is how long the steps of Go in a test or subtest may take
	// together.
	testPatience = time.Minute

	// hopeful is how long a message may be on its way before another one is sent
	// to find out whether there is a way.
	hopeful = 50 * time.Millisecond
)

// stage is what a test stands on: sockets of Go and a peer.
type stage struct {
	t    *testing.T
	ctx  context.Context // of the steps of Go
	comm *comm.Context
	peer *peer
}

// newStage returns a stage whose peer does not know the files left out.
func newStage(t *testing.T, leftOut ...string) *stage {
	t.Helper()
	c, err := comm.NewContext()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &stage{comm: c, peer: startPeer(t, leftOut...)}
	return s.in(t)
}

// in returns the stage for a subtest.
func (s *stage) in(t *testing.T) *stage {
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	t.Cleanup(cancel)
	return &stage{t: t, ctx: ctx, comm: s.comm, peer: &peer{t: t, process: s.peer.process}}
}

// withPeer returns the stage with a peer of its own beside the first.
func (s *stage) withPeer() *stage {
	s.t.Helper()
	another := *s
	another.peer = startPeer(s.t)
	return &another
}

// check ends the test if there is an error.
func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// open returns a socket of Go, which the stage closes.
func open[Socket, Option any](s *stage, make func(*comm.Context, string, ...Option) (Socket, error), endpoint string, options ...Option) Socket {
	s.t.Helper()
	socket, err := make(s.comm, endpoint, options...)
	s.check(err)
	return socket
}

// withTypes makes a socket know the messages of the schema.
func (s *stage) withTypes() messaging.Option { return messaging.WithTypes(types(s.t)) }

// everything subscribes to all messages.
func (s *stage) everything() messaging.Topic { return messaging.Everything() }

// ofType subscribes to messages of a type.
func (s *stage) ofType(name string) messaging.Topic {
	s.t.Helper()
	return messaging.OfType(newMessage(s.t, name, ""))
}

// receive waits for a message.
func (s *stage) receive(from messaging.Source) proto.Message {
	s.t.Helper()
	return s.message(s.delivery(from))
}

// delivery waits for a delivery.
func (s *stage) delivery(from messaging.Source) *messaging.Delivery {
	s.t.Helper()
	d, err := from.Recv(s.ctx)
	s.check(err)
	return d
}

// message opens a delivery.
func (s *stage) message(d *messaging.Delivery) proto.Message {
	s.t.Helper()
	m, err := d.Open()
	s.check(err)
	return m
}

// echo sends messages back where they came from.
func (s *stage) echo(from messaging.Source, count int) {
	s.t.Helper()
	for range count {
		s.check(s.echoOne(from))
	}
}

// echoOne sends one message back where it came from. It may be called on any
// goroutine.
func (s *stage) echoOne(from messaging.Source) error {
	d, err := from.Recv(s.ctx)
	if err != nil {
		return err
	}
	defer d.Release()
	m, err := d.Open()
	if err != nil {
		return err
	}
	return d.Reply(s.ctx, m)
}

// subscribeTo makes dīvidere's Publisher under a name and returns a subscriber
// to it whose topics are known to the publisher.
func (s *stage) subscribeTo(publisher string, topics ...messaging.Topic) *messaging.Subscriber {
	s.t.Helper()
	s.peer.open(publisher, "messaging.Publisher", "tcp://127.0.0.1:*")
	return s.subscribeAt(s.peer.endpoint(publisher), publisher, messaging.WithTopics(topics...))
}

// subscribeAt returns a subscriber to a Publisher of dīvidere.
func (s *stage) subscribeAt(endpoint, publisher string, options ...messaging.SubscriberOption) *messaging.Subscriber {
	s.t.Helper()
	// Subscriptions travel in order: when the last has arrived, all have.
	options = append(options, s.withTypes(), messaging.WithTopics(s.ofType("Sync")))
	sub := open(s, messaging.NewSubscriber, endpoint, options...)
	s.meet(publisher, sub)
	return sub
}

// meet waits until a subscriber receives what dīvidere publishes. dīvidere's
// publisher does not tell, so it has to send until something arrives.
func (s *stage) meet(publisher string, sub *messaging.Subscriber) {
	s.t.Helper()
	last, arrived := uint64(0), uint64(0)
	for arrived == 0 {
		s.check(s.ctx.Err())
		last++
		s.peer.send(publisher, numbered(s.t, last, "Sync"))
		arrived = s.syncWithin(hopeful, sub)
	}
	// What was sent too often is taken, so that nothing is left on the way.
	for arrived < last {
		arrived = numberOf(s.receive(sub))
	}
}

// syncWithin returns the number of the Sync that arrives in time, or 0.
func (s *stage) syncWithin(d time.Duration, sub *messaging.Subscriber) uint64 {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, d)
	defer cancel()
	delivery, err := sub.Recv(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return 0
	}
	s.check(err)
	return numberOf(s.message(delivery))
}
