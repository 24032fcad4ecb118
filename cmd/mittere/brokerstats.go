package main

import (
	"context"
	"fmt"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// brokerStats prints what a broker has done and what it holds.
func brokerStats(ctx context.Context, m *manager, timeout time.Duration, p printer) error {
	s, err := askBroker(ctx, m, timeout, m.Status, &mitterev1.BrokerServiceStatusRequest{})
	if err != nil {
		return err
	}
	if p.json() {
		return p.object(newBrokerStatsJSON(s))
	}
	holds := append([][]string{{"HOLDS", "NUMBER"}}, rowsOf(heldBy(s.GetLoad()))...)
	counts := append([][]string{{"COUNTED", "NUMBER"}}, rowsOf(countedBy(s.GetCounters()))...)
	dialects := [][]string{{"DIALECT", "PEERS", "WORKERS"}}
	for _, d := range s.GetDialects() {
		dialects = append(dialects, []string{d.GetDialect(), fmt.Sprint(d.GetPeers()), fmt.Sprint(d.GetWorkers())})
	}
	return tables(p, holds, counts, dialects)
}

// tables prints tables with an empty line between them.
func tables(p printer, all ...[][]string) error {
	for i, rows := range all {
		if i > 0 {
			if err := p.text("\n"); err != nil {
				return err
			}
		}
		if err := p.rows(rows...); err != nil {
			return err
		}
	}
	return nil
}

// number is a number with its name in JSON.
type number struct {
	name  string
	value uint64
}

// rowsOf returns numbers as rows.
func rowsOf(numbers []number) (rows [][]string) {
	for _, n := range numbers {
		rows = append(rows, []string{spaced(n.name), fmt.Sprint(n.value)})
	}
	return rows
}

// objectOf returns numbers for JSON.
func objectOf(numbers []number) map[string]uint64 {
	object := map[string]uint64{}
	for _, n := range numbers {
		object[n.name] = n.value
	}
	return object
}

// heldBy returns what a broker holds.
func heldBy(l *mitterev1.BrokerLoad) []number {
	return []number{
		{"calls", l.GetCalls()}, {"requests", l.GetRequests()}, {"inFlight", l.GetInFlight()}, {"bytes", l.GetBytes()},
		{"services", l.GetServices()}, {"workers", l.GetWorkers()}, {"peers", l.GetPeers()},
		{"waiting", l.GetWaiting()}, {"waitingBytes", l.GetWaitingBytes()},
	}
}

// countedBy returns what a broker has counted.
func countedBy(c *mitterev1.BrokerCounters) []number {
	return []number{
		{"requests", c.GetRequests()}, {"refused", c.GetRefused()}, {"answered", c.GetAnswered()}, {"failed", c.GetFailed()},
		{"expired", c.GetExpired()}, {"cancelled", c.GetCancelled()}, {"joined", c.GetJoined()},
		{"delivered", c.GetDelivered()}, {"redelivered", c.GetRedelivered()}, {"poison", c.GetPoison()},
		{"replies", c.GetReplies()}, {"items", c.GetItems()}, {"events", c.GetEvents()},
		{"late", c.GetLate()}, {"duplicates", c.GetDuplicates()}, {"foreign", c.GetForeign()},
		{"registered", c.GetRegistered()}, {"rejected", c.GetRejected()}, {"died", c.GetDied()},
		{"received", c.GetReceived()}, {"sent", c.GetSent()}, {"violations", c.GetViolations()}, {"undeliverable", c.GetUndeliverable()},
	}
}

// brokerStatsJSON is what a broker has done, in JSON.
type brokerStatsJSON struct {
	Name     string            `json:"name"`
	Holds    map[string]uint64 `json:"holds"`
	Counted  map[string]uint64 `json:"counted"`
	Dialects []dialectJSON     `json:"dialects"`
}

// dialectJSON is the peers of a dialect, in JSON.
type dialectJSON struct {
	Dialect string `json:"dialect"`
	Peers   uint64 `json:"peers"`
	Workers uint64 `json:"workers"`
}

// newBrokerStatsJSON returns what a broker has done for JSON.
func newBrokerStatsJSON(s *mitterev1.BrokerServiceStatusResponse) brokerStatsJSON {
	j := brokerStatsJSON{Name: s.GetName(), Holds: objectOf(heldBy(s.GetLoad())), Counted: objectOf(countedBy(s.GetCounters())), Dialects: []dialectJSON{}}
	for _, d := range s.GetDialects() {
		j.Dialects = append(j.Dialects, dialectJSON{d.GetDialect(), d.GetPeers(), d.GetWorkers()})
	}
	return j
}
