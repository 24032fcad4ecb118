package service_test

import (
	"context"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
)

// TestServerIsReachableDirectlyAndBehindABroker has one limit, one management and one drain
// for the calls of both.
func TestServerIsReachableDirectlyAndBehindABroker(t *testing.T) {
	zmq := newContext(t)
	at := inproc()
	b := must(broker.New(zmq, at, broker.WithLogger(quiet)))(t)
	brokering, stopBroker := context.WithCancel(context.Background())
	brokered := make(chan error, 1)
	go func() { brokered <- b.Run(brokering) }()
	defer func() {
		stopBroker()
		ok(t, receive(t, "the end of the broker", brokered))
		ok(t, b.Close())
	}()

	depot := newDepot()
	s := serve(t, zmq, storing(depot.store), service.WithBroker(at), service.WithBind(inproc()), service.WithLimits(2, 0))
	ok(t, s.WaitRegistered(patient(t)))
	direct := clientOf(t, zmq, []*server{s}, service.WithTries(1))
	indirect := newClient(t, zmq, service.FromBroker(at))
	first, second := goStore(patient(t), direct, 1), goStore(patient(t), indirect, 2)
	receive(t, "one call", depot.begun)
	receive(t, "the other call", depot.begun)

	management := mitterev1mittere.NewManagementServiceClient(direct)
	stats := must(management.Stats(patient(t), &mitterev1.StatsRequest{}))(t)
	if stats.GetInFlight() != 2 {
		t.Errorf("%d calls run, want 2", stats.GetInFlight())
	}
	_, err := goStore(patient(t), direct, 3).Wait(patient(t))
	wantRefused(t, err, messaging.ResourceExhausted)
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	eventually(t, "it drains", func() bool { return s.Health() == mitterev1.Health_HEALTH_DRAINING })
	close(depot.proceed)
	must(first.Wait(patient(t)))(t)
	must(second.Wait(patient(t)))(t)
	ok(t, receive(t, "the end of the server", ended))
}
