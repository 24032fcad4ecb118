package main

import (
	"context"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// brokerStats returns what a broker has done and what it holds.
func brokerStats(ctx context.Context, m *manager, timeout time.Duration) (view, error) {
	s, err := askBroker(ctx, m, timeout, m.Status, &mitterev1.BrokerServiceStatusRequest{})
	if err != nil {
		return nil, err
	}
	return view{
		{"name", s.GetName()},
		{"holds", viewOf(s.GetLoad(), everything)},
		{"counted", viewOf(s.GetCounters(), everything)},
		{"dialects", viewsOf(s.GetDialects(), everything)},
	}, nil
}

// brokerStatsTables returns what a broker has done and what it holds.
func brokerStatsTables(v view) []table {
	return []table{
		titled(v.get("holds").(view).lines(), "HOLDS", "NUMBER"),
		titled(v.get("counted").(view).lines(), "COUNTED", "NUMBER"),
		columns(v.get("dialects").([]view), "dialect peers workers"),
	}
}
