package registry_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

// attach attaches a subscriber to a name until the test ends.
func attach(t testing.TB, c *registry.Client, zmq *comm.Context, name string) *messaging.Subscriber {
	t.Helper()
	sub := must(messaging.NewSubscriber(zmq, "", messaging.WithTopics(messaging.Everything())))(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Attach(ctx, zmq, name, sub) }()
	t.Cleanup(func() {
		cancel()
		ok(t, <-ended)
		ok(t, sub.Close())
	})
	return sub
}

// publisher returns an instance with a publisher behind it.
func publisher(t testing.TB, zmq *comm.Context, id, endpoint string) (*messaging.Publisher, *mitterev1.Instance) {
	t.Helper()
	pub := must(messaging.NewPublisher(zmq, endpoint))(t)
	t.Cleanup(func() { ok(t, pub.Close()) })
	return pub, &mitterev1.Instance{
		Name: "ticks", Id: id, Endpoints: pub.Endpoints(), Kind: mitterev1.Kind_KIND_PUBLISHER,
		Host: registry.Host(), Context: zmq.ID(),
	}
}

// news is any message.
func news(text string) *mitterev1.WithdrawRequest { return &mitterev1.WithdrawRequest{Name: text} }

func TestSubscriberFollowsThePublishersOfAName(t *testing.T) {
	onEachTransport(t, func(t *testing.T, endpoint string) {
		zmq := newContext(t)
		s := serve(t, zmq, tcp)
		c := dial(t, zmq, s.endpoint())
		sub := attach(t, c, zmq, "ticks")
		register(t, c, instance("ticks", "no publisher"), long)
		register(t, c, &mitterev1.Instance{Name: "ticks", Id: "0 unreachable", Kind: mitterev1.Kind_KIND_PUBLISHER,
			Endpoints: []string{"ipc:///elsewhere", "inproc://elsewhere"}, Host: "elsewhere", Context: "elsewhere"}, long)
		register(t, c, &mitterev1.Instance{Name: "ticks", Id: "0 wrong", Kind: mitterev1.Kind_KIND_PUBLISHER,
			Endpoints: []string{"tcp://nobody.invalid:1"}}, long)
		first, instance := publisher(t, zmq, "1", endpoint)
		entry := register(t, c, instance, long)
		ok(t, first.WaitForSubscribers(patient(t), 1, news("")))
		second, instance := publisher(t, zmq, "2", tcp)
		register(t, c, instance, long)
		ok(t, second.WaitForSubscribers(patient(t), 1, news("")))
		for _, pub := range []*messaging.Publisher{first, second} {
			ok(t, pub.Send(patient(t), news("hello")))
			m := must(must(sub.Recv(patient(t)))(t).Open())(t)
			if m.(*mitterev1.WithdrawRequest).GetName() != "hello" {
				t.Errorf("received %v", m)
			}
		}
		ok(t, entry.Withdraw(patient(t)))
		eventually(t, "the subscriber leaves the first", func() bool { return first.Subscribers(news("")) == 0 })
		if n := second.Subscribers(news("")); n != 1 {
			t.Errorf("the second has %d subscribers", n)
		}
	})
}

func TestSubscriberKeepsItsPublishersWhileTheRegistryIsAway(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	c := dial(t, zmq, s.endpoint())
	sub := attach(t, c, zmq, "ticks")
	pub, instance := publisher(t, zmq, "1", tcp)
	register(t, c, instance, long)
	ok(t, pub.WaitForSubscribers(patient(t), 1, news("")))
	s.stop(t)
	eventually(t, "the registry is away", func() bool { return !c.Connected() })
	ok(t, pub.Send(patient(t), news("still here")))
	must(sub.Recv(patient(t)))(t)
}

func TestAttachEndsWithItsSocketAndWithItsClient(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	c := must(registry.NewClient(zmq, s.endpoint()))(t)
	sub := must(messaging.NewSubscriber(zmq, ""))(t)
	ended := make(chan error, 1)
	go func() { ended <- c.Attach(context.Background(), zmq, "ticks", sub) }()
	ok(t, sub.Close())
	_, instance := publisher(t, zmq, "1", tcp)
	register(t, c, instance, long)
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed socket is the error %v", err)
	}
	sub = must(messaging.NewSubscriber(zmq, ""))(t)
	defer sub.Close()
	go func() { ended <- c.Attach(context.Background(), zmq, "ticks", sub) }()
	<-time.After(10 * time.Millisecond)
	ok(t, c.Close())
	wantCode(t, <-ended, messaging.Unavailable)
}
