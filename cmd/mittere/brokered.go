package main

import (
	"context"
	"fmt"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// listBrokered prints the services of a broker, or each change.
func listBrokered(ctx context.Context, m *manager, name string, p printer, timeout time.Duration, watching bool) error {
	ask := func(ctx context.Context) ([]*mitterev1.BrokeredService, error) {
		resp, err := askBroker(ctx, m, timeout, m.ListServices, &mitterev1.ListServicesRequest{Name: name})
		return resp.GetServices(), err
	}
	if !watching {
		services, err := ask(ctx)
		if err != nil {
			return err
		}
		return printBrokered(p, services)
	}
	return watchBroker(ctx, m, p, timeout, func(ctx context.Context) (seen []sighting, err error) {
		services, err := ask(ctx)
		for _, s := range services {
			line := fmt.Sprintf("%s  workers=%d", printable(s.GetName()), s.GetWorkers())
			seen = append(seen, sighting{key: s.GetName(), line: line, service: newBrokeredServiceJSON(s)})
		}
		return seen, err
	})
}

// printBrokered prints services of a broker.
func printBrokered(p printer, services []*mitterev1.BrokeredService) error {
	if p.json() {
		values := make([]*brokeredServiceJSON, len(services))
		for i, s := range services {
			values[i] = newBrokeredServiceJSON(s)
		}
		return objects(p, values)
	}
	rows := [][]string{{"NAME", "WORKERS", "FREE", "QUEUED", "IN FLIGHT"}}
	for _, s := range services {
		rows = append(rows, []string{s.GetName(), fmt.Sprint(s.GetWorkers()), fmt.Sprint(s.GetFree()), fmt.Sprint(s.GetQueued()), fmt.Sprint(s.GetInFlight())})
	}
	return p.rows(rows...)
}

// brokeredServiceJSON is a service of a broker in JSON.
type brokeredServiceJSON struct {
	Name     string `json:"name"`
	Workers  uint32 `json:"workers"`
	Free     uint32 `json:"free"`
	Queued   uint32 `json:"queued"`
	InFlight uint32 `json:"inFlight"`
}

// newBrokeredServiceJSON returns a service for JSON.
func newBrokeredServiceJSON(s *mitterev1.BrokeredService) *brokeredServiceJSON {
	return &brokeredServiceJSON{s.GetName(), s.GetWorkers(), s.GetFree(), s.GetQueued(), s.GetInFlight()}
}
