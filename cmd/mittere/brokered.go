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
		return p.list(viewsOf(services, serviceNames), serviceNames)
	}
	return watchBroker(ctx, m, p, timeout, func(ctx context.Context) (found []item, err error) {
		services, err := ask(ctx)
		for _, s := range services {
			line := fmt.Sprintf("%s  workers=%d", printable(s.GetName()), s.GetWorkers())
			found = append(found, item{key: s.GetName(), line: line, about: property{"service", viewOf(s, serviceNames)}})
		}
		return found, err
	})
}

// serviceNames names what a broker tells of a service.
const serviceNames = "name workers free queued inFlight"
