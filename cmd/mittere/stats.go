package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

func newStats(g *globals) *cobra.Command {
	return newQuestion(g, question[*mitterev1.StatsResponse]{
		use:   "stats NAME",
		short: "Tell what the instances of a service have done",
		long: `Tell what all instances of a service have done since they began, or one: requests by
method, those that failed by code, those that run, and how long handlers took.
Quantiles are within 10 percent of the truth. With --endpoint no registry is
asked, and NAME may be left out.

With --broker the workers of the service are asked, each through the broker; without
NAME the broker tells what it has done itself and what it holds.`,
		ask: func(ctx context.Context, m *management) (*mitterev1.StatsResponse, error) {
			return m.Stats(ctx, &mitterev1.StatsRequest{})
		},
		view:      viewStats,
		tables:    statsTables,
		own:       brokerStats,
		ownTables: brokerStatsTables,
	})
}

// The columns of what instances and their methods have done, in JSON.
const (
	statsNames   = "name id endpoints sessions queued inFlight refused expired repeated methods"
	latencyNames = "p50Seconds p90Seconds p99Seconds maxSeconds"
)

// viewStats returns what an instance has done.
func viewStats(a answer[*mitterev1.StatsResponse]) view {
	methods := []view{}
	for _, m := range a.value.GetMethods() {
		methods = append(methods, viewMethod(m))
	}
	v := append(viewOf(a.instance.Instance, "name id endpoints"), viewOf(a.value, statsNames)...)
	return v.with("methods", methods)
}

// viewMethod returns what a method has done, with its errors by code.
func viewMethod(m *mitterev1.MethodStats) view {
	failed := map[string]uint64{}
	for _, c := range m.GetErrors() {
		failed[messaging.CodeName(c.GetCode())] = c.GetCount()
	}
	v := viewOf(m, "method requests inFlight").with("errors", failed)
	return append(v, viewOf(m.GetLatency(), latencyNames+" sumSeconds")...)
}

// statsTables returns what instances have done, and then each of their methods. One that
// was never called took no time.
func statsTables(views []view) []table {
	var servers, methods []view
	for _, v := range views {
		id := cmp.Or(v.cell("id"), v.cell("endpoints"))
		servers = append(servers, v.with("id", id))
		for _, m := range v.get("methods").([]view) {
			if m.get("requests") == uint64(0) {
				m = m.only("method requests inFlight errors")
			}
			methods = append(methods, m.with("id", id))
		}
	}
	return []table{
		columns(servers, "id sessions queued inFlight refused expired repeated"),
		columns(methods, "id method requests inFlight errors "+latencyNames),
	}
}
