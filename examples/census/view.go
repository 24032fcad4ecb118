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

// view prints what the broker's management says, which is a service that is called through
// the broker like any other.
func (c *coordinator) view(ctx context.Context) error {
	client, err := service.NewClient(c.zctx, broker.ServiceName, service.FromBroker(inside))
	if err != nil {
		return err
	}
	workers, err := mitterev1mittere.NewBrokerServiceClient(client).ListWorkers(ctx, &mitterev1.ListWorkersRequest{})
	if err = errors.Join(err, client.Close()); err != nil {
		return err
	}
	stats, err := c.stats(ctx)
	if err != nil {
		return err
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  WORKER\tIN FLIGHT\tSERVED\tCOUNTED\tHALF WITHIN\t99 OF 100")
	for _, worker := range workers.GetWorkers() {
		m := stats[worker.GetName()]
		fmt.Fprintf(w, "  %s\t%d\t%d\t%d\t%v\t%v\n", worker.GetName(), worker.GetInFlight(), worker.GetServed(), m.GetRequests(),
			time.Duration(m.GetLatency().GetP50Nano()), time.Duration(m.GetLatency().GetP99Nano()))
	}
	_ = w.Flush() // to memory
	c.printf("%s", b.String())
	return nil
}

// stats asks all workers by one call what they say of their method, to which calls that
// came directly belong too.
func (c *coordinator) stats(ctx context.Context) (map[string]*mitterev1.MethodStats, error) {
	management := mitterev1mittere.NewManagementServiceClient(c.client)
	methods := map[string]*mitterev1.MethodStats{}
	for answer := range call.All(ctx, management.Stats, &mitterev1.StatsRequest{}) {
		if answer.Err != nil {
			return nil, fmt.Errorf("stats of %s: %w", answer.Worker, answer.Err)
		}
		methods[answer.Worker] = answer.Reply.GetMethods()[0]
	}
	return methods, nil
}
