package main

import (
	"context"
	"fmt"
	"strings"
	"time"

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
		table: printStats,
		json:  func(a answer[*mitterev1.StatsResponse]) any { return newStatsJSON(a) },
		own:   brokerStats,
	})
}

// printStats prints what instances have done: a line for each, and then one for
// each of their methods.
func printStats(p printer, answers []answer[*mitterev1.StatsResponse]) error {
	servers := [][]string{{"ID", "SESSIONS", "QUEUED", "IN FLIGHT", "REFUSED", "EXPIRED", "REPEATED"}}
	methods := [][]string{{"ID", "METHOD", "REQUESTS", "IN FLIGHT", "ERRORS", "P50", "P90", "P99", "MAX"}}
	for _, a := range answers {
		s, of := a.value, a.id(joined(a.instance.GetEndpoints()))
		servers = append(servers, []string{
			of, fmt.Sprint(s.GetSessions()), fmt.Sprint(s.GetQueued()), fmt.Sprint(s.GetInFlight()),
			fmt.Sprint(s.GetRefused()), fmt.Sprint(s.GetExpired()), fmt.Sprint(s.GetRepeated()),
		})
		for _, m := range s.GetMethods() {
			row := []string{of, m.GetMethod(), fmt.Sprint(m.GetRequests()), fmt.Sprint(m.GetInFlight()), errorsText(m.GetErrors())}
			methods = append(methods, append(row, latencyCells(m)...))
		}
	}
	if err := p.rows(servers...); err != nil {
		return err
	}
	if err := p.text("\n"); err != nil {
		return err
	}
	return p.rows(methods...)
}

// latencyCells returns how long a method took, nothing if it was never called.
func latencyCells(m *mitterev1.MethodStats) []string {
	if m.GetRequests() == 0 {
		return []string{"", "", "", ""}
	}
	l := m.GetLatency()
	var cells []string
	for _, nano := range []int64{l.GetP50Nano(), l.GetP90Nano(), l.GetP99Nano(), l.GetMaxNano()} {
		cells = append(cells, short(time.Duration(nano)))
	}
	return cells
}

// errorsText returns counts by code on one line.
func errorsText(counts []*mitterev1.CodeCount) string {
	var parts []string
	for _, c := range counts {
		parts = append(parts, fmt.Sprintf("%s=%d", messaging.CodeName(c.GetCode()), c.GetCount()))
	}
	return strings.Join(parts, " ")
}

// statsJSON is what an instance has done, in JSON.
type statsJSON struct {
	Name      string            `json:"name"`
	ID        string            `json:"id"`
	Endpoints []string          `json:"endpoints"`
	Sessions  uint32            `json:"sessions"`
	Queued    uint32            `json:"queued"`
	InFlight  uint32            `json:"inFlight"`
	Refused   uint64            `json:"refused"`
	Expired   uint64            `json:"expired"`
	Repeated  uint64            `json:"repeated"`
	Methods   []methodStatsJSON `json:"methods"`
	Error     *failureJSON      `json:"error,omitempty"`
}

// methodStatsJSON is what a method has done, in JSON.
type methodStatsJSON struct {
	Method     string            `json:"method"`
	Requests   uint64            `json:"requests"`
	InFlight   uint32            `json:"inFlight"`
	Errors     map[string]uint64 `json:"errors"` // by code
	P50Seconds float64           `json:"p50Seconds"`
	P90Seconds float64           `json:"p90Seconds"`
	P99Seconds float64           `json:"p99Seconds"`
	MaxSeconds float64           `json:"maxSeconds"`
	SumSeconds float64           `json:"sumSeconds"`
}

// newStatsJSON returns what an instance has done for JSON.
func newStatsJSON(a answer[*mitterev1.StatsResponse]) statsJSON {
	s := a.value
	j := statsJSON{
		Name: a.instance.GetName(), ID: a.instance.GetId(), Endpoints: orEmpty(a.instance.GetEndpoints()), Sessions: s.GetSessions(), Queued: s.GetQueued(),
		InFlight: s.GetInFlight(), Refused: s.GetRefused(), Expired: s.GetExpired(), Repeated: s.GetRepeated(),
		Methods: []methodStatsJSON{}, Error: failureOf(a.err),
	}
	for _, m := range s.GetMethods() {
		l := m.GetLatency()
		one := methodStatsJSON{
			Method: m.GetMethod(), Requests: m.GetRequests(), InFlight: m.GetInFlight(), Errors: map[string]uint64{},
			P50Seconds: seconds(l.GetP50Nano()), P90Seconds: seconds(l.GetP90Nano()), P99Seconds: seconds(l.GetP99Nano()),
			MaxSeconds: seconds(l.GetMaxNano()), SumSeconds: seconds(l.GetSumNano()),
		}
		for _, c := range m.GetErrors() {
			one.Errors[messaging.CodeName(c.GetCode())] = c.GetCount()
		}
		j.Methods = append(j.Methods, one)
	}
	return j
}
