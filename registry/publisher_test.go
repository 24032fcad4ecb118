package registry_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

func TestRegisteredPublishersAreFoundWhereverTheyAreBound(t *testing.T) {
	onEachTransport(t, func(t *testing.T, endpoint string) {
		zmq := newContext(t)
		c := dial(t, zmq, serve(t, zmq, tcp).endpoint())
		attach(t, c, zmq, "ticks")
		for _, at := range []string{endpoint, tcp} {
			pub := must(messaging.NewPublisher(zmq, at))(t)
			defer func() { ok(t, pub.Close()) }()
			ok(t, c.RegisterPublisher(zmq, "ticks", pub, registry.WithLease(long)).Wait(patient(t)))
			ok(t, pub.WaitForSubscribers(patient(t), 1, news("")))
		}
		if n := len(list(t, c)); n != 2 {
			t.Errorf("%d publishers are registered, want 2, each with an id of its own", n)
		}
	})
}

func TestPublisherIsRegisteredWhereItSays(t *testing.T) {
	zmq, log := newContext(t), &lines{}
	s := serve(t, zmq, tcp)
	c := must(registry.NewClient(zmq, s.endpoint(), registry.WithLogger(slog.New(slog.NewTextHandler(log, nil)))))(t)
	defer func() { ok(t, c.Close()) }()
	pub := must(messaging.NewPublisher(zmq, "tcp://*:*"))(t)
	defer func() { ok(t, pub.Close()) }()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(pub.Endpoints()[0], "tcp://"))
	ok(t, err)
	for _, at := range []struct {
		want   string
		warned int
		option []registry.PublisherOption
	}{
		{"tcp://203.0.113.7:7000", 0, []registry.PublisherOption{registry.WithAdvertise("tcp://203.0.113.7:7000")}},
		{"tcp://127.0.0.1:" + port, 1, nil}, // by loopback, which is said
	} {
		ok(t, c.RegisterPublisher(zmq, "ticks", pub, append(at.option, registry.WithID("p"))...).Wait(patient(t)))
		if got := list(t, c)[0].GetInstance(); len(got.GetEndpoints()) != 1 || got.GetEndpoints()[0] != at.want || got.GetId() != "p" {
			t.Errorf("registered is %v, want it at %s", got, at.want)
		}
		if n := log.of("loopback address"); n != at.warned {
			t.Errorf("registered at %s, the log warns %d times of the loopback address, want %d", at.want, n, at.warned)
		}
	}
}

func TestPublisherWithANameOrAnEndpointThatNobodyCouldUseIsRefused(t *testing.T) {
	zmq := newContext(t)
	c := dial(t, zmq, serve(t, zmq, tcp).endpoint())
	pub := must(messaging.NewPublisher(zmq, tcp))(t)
	defer func() { ok(t, pub.Close()) }()
	wantCode(t, c.RegisterPublisher(zmq, "a/b", pub).Wait(patient(t)), messaging.InvalidArgument)
	wantCode(t, c.RegisterPublisher(zmq, "a", pub, registry.WithAdvertise("tcp://*:7000,tcp://h")).Wait(patient(t)), messaging.InvalidArgument)
}
