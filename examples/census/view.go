package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
)

// view adds to the report what the broker's management says, which is a service that
// is called through the broker like any other.
func (c *coordinator) view(ctx context.Context) error {
	// It notices soon that a worker was killed, and another takes its place.
	if err := await(ctx, "workers are there", c.options.workers, c.registered); err != nil {
		return err
	}
	client, err := service.NewClient(c.zmq, broker.ServiceName, service.FromBroker(inside))
	if err != nil {
		return err
	}
	c.report.view, err = c.viewBy(ctx, mitterev1mittere.NewBrokerServiceClient(client))
	return errors.Join(err, client.Close())
}

// viewBy returns tables of services and workers.
func (c *coordinator) viewBy(ctx context.Context, manager *mitterev1mittere.BrokerServiceClient) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, awaitTime)
	defer cancel()
	services, err := manager.ListServices(ctx, &mitterev1.ListServicesRequest{})
	if err != nil {
		return "", err
	}
	workers, err := manager.ListWorkers(ctx, &mitterev1.ListWorkersRequest{})
	if err != nil {
		return "", err
	}
	handled, err := c.handled(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nthe broker at %s, by its management\n", c.endpoint())
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  SERVICE\tWORKERS\tFREE\tQUEUED\tIN FLIGHT")
	for _, s := range services.GetServices() {
		fmt.Fprintf(t, "  %s\t%d\t%d\t%d\t%d\n", s.GetName(), s.GetWorkers(), s.GetFree(), s.GetQueued(), s.GetInFlight())
	}
	_ = t.Flush() // to memory
	fmt.Fprintln(t, "  WORKER\tSTATE\tIN FLIGHT\tSERVED\tREGISTERED\tHANDLED\tHALF WITHIN\t99 OF 100")
	for _, w := range workers.GetWorkers() {
		m := handled[w.GetName()]
		fmt.Fprintf(t, "  %s\t%s\t%d\t%d\t%s\t%d\t%v\t%v\n", w.GetName(), stateName(w.GetState()), w.GetInFlight(), w.GetServed(),
			time.Duration(w.GetRegisteredNano()).Round(100*time.Millisecond), m.GetRequests(),
			rounded(m.GetLatency().GetP50Nano()), rounded(m.GetLatency().GetP99Nano()))
	}
	_ = t.Flush()
	return b.String(), nil
}

// handled asks all workers at once what they say of their method, calls that came
// directly included.
func (c *coordinator) handled(ctx context.Context) (map[string]*mitterev1.MethodStats, error) {
	management := mitterev1mittere.NewManagementServiceClient(c.client)
	methods := map[string]*mitterev1.MethodStats{}
	for answer := range call.All(ctx, management.Stats, &mitterev1.StatsRequest{}) {
		if answer.Err != nil {
			return nil, fmt.Errorf("stats of %s: %w", answer.Worker, answer.Err)
		}
		if all := answer.Reply.GetMethods(); len(all) > 0 {
			methods[answer.Worker] = all[0]
		}
	}
	return methods, nil
}

// stateName returns a worker's state as people read it.
func stateName(s mitterev1.WorkerState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "WORKER_STATE_"))
}

// rounded returns a duration as people read it.
func rounded(nano int64) time.Duration { return time.Duration(nano).Round(time.Microsecond) }
