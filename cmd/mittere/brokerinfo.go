package main

import (
	"context"
	"fmt"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// brokerInfo prints what a broker is and how it is set.
func brokerInfo(ctx context.Context, m *manager, timeout time.Duration, p printer) error {
	status, err := askBroker(ctx, m, timeout, m.Status, &mitterev1.BrokerServiceStatusRequest{})
	if err != nil {
		return err
	}
	settings, err := askBroker(ctx, m, timeout, m.Settings, &mitterev1.SettingsRequest{})
	if err != nil {
		return err
	}
	if p.json() {
		return p.object(newBrokerInfoJSON(status, settings))
	}
	v, l := status.GetVersions(), settings.GetLimits()
	is := [][]string{
		{"name", status.GetName()}, {"version", v.GetProgram()}, {"library", v.GetLibrary()}, {"go", v.GetGo()},
		{"libzmq", v.GetZeromq()}, {"platform", v.GetPlatform()}, {"endpoints", joined(status.GetEndpoints())},
		{"started", time.Unix(0, status.GetStartedUnixNano()).Format(time.RFC3339)}, {"health", healthName(status.GetHealth())},
	}
	set := [][]string{
		{"SETTING", "VALUE"}, {"heartbeat", nanos(settings.GetHeartbeatNano())}, {"liveness", fmt.Sprint(settings.GetLiveness())},
		{"session heartbeat", nanos(settings.GetSessionHeartbeatNano())},
		{"drain", nanos(settings.GetDrainNano())}, {"max frame bytes", fmt.Sprint(settings.GetMaxFrameBytes())},
	}
	for _, pair := range settings.GetPirates() {
		set = append(set, []string{"pirate", fmt.Sprintf("front=%s back=%s service=%s", joined(pair.GetFront()), joined(pair.GetBack()), pair.GetService())})
	}
	limits := append([][]string{{"LIMIT", "VALUE"}}, rowsOf(countLimits(l))...)
	limits = append(limits, []string{"expiry", nanos(l.GetExpiryNano())}, []string{"longest", nanos(l.GetLongestNano())},
		[]string{"heartbeat", nanos(l.GetHeartbeatNano())}, []string{"memory", nanos(l.GetMemoryNano())})
	return tables(p, is, set, limits)
}

// nanos returns nanoseconds as text.
func nanos(n int64) string { return time.Duration(n).String() }

// countLimits returns the limits that are numbers.
func countLimits(l *mitterev1.BrokerLimits) []number {
	return []number{
		{"queue", l.GetQueue()}, {"requests", l.GetRequests()}, {"bytes", l.GetBytes()}, {"services", l.GetServices()},
		{"workers", l.GetWorkers()}, {"offered", l.GetOffered()}, {"capacity", l.GetCapacity()}, {"waiters", l.GetWaiters()},
		{"deliveries", l.GetDeliveries()}, {"keys", l.GetKeys()}, {"aside", l.GetAside()},
		{"peer", l.GetPeer()}, {"oneway", l.GetOneWay()},
	}
}

// brokerInfoJSON is what a broker is, in JSON.
type brokerInfoJSON struct {
	Name                    string         `json:"name"`
	Version                 string         `json:"version"`
	Library                 string         `json:"library"`
	Go                      string         `json:"go"`
	Libzmq                  string         `json:"libzmq"`
	Platform                string         `json:"platform"`
	Endpoints               []string       `json:"endpoints"`
	Started                 time.Time      `json:"started"`
	Health                  string         `json:"health"`
	HeartbeatSeconds        float64        `json:"heartbeatSeconds"`
	Liveness                uint32         `json:"liveness"`
	SessionHeartbeatSeconds float64        `json:"sessionHeartbeatSeconds"`
	DrainSeconds            float64        `json:"drainSeconds"`
	MaxFrameBytes           uint64         `json:"maxFrameBytes"`
	Pirates                 []pirateJSON   `json:"pirates"`
	Limits                  map[string]any `json:"limits"`
}

// pirateJSON is a pair of sockets for pirates, in JSON.
type pirateJSON struct {
	Front   []string `json:"front"`
	Back    []string `json:"back"`
	Service string   `json:"service"`
}

// newBrokerInfoJSON returns what a broker is for JSON.
func newBrokerInfoJSON(status *mitterev1.BrokerServiceStatusResponse, settings *mitterev1.SettingsResponse) brokerInfoJSON {
	v, l := status.GetVersions(), settings.GetLimits()
	j := brokerInfoJSON{
		Name: status.GetName(), Version: v.GetProgram(), Library: v.GetLibrary(), Go: v.GetGo(), Libzmq: v.GetZeromq(), Platform: v.GetPlatform(),
		Endpoints: orEmpty(status.GetEndpoints()), Started: time.Unix(0, status.GetStartedUnixNano()), Health: healthName(status.GetHealth()),
		HeartbeatSeconds: seconds(settings.GetHeartbeatNano()), Liveness: settings.GetLiveness(), DrainSeconds: seconds(settings.GetDrainNano()),
		MaxFrameBytes: settings.GetMaxFrameBytes(), Pirates: []pirateJSON{}, SessionHeartbeatSeconds: seconds(settings.GetSessionHeartbeatNano()),
		Limits: map[string]any{
			"expirySeconds": seconds(l.GetExpiryNano()), "longestSeconds": seconds(l.GetLongestNano()),
			"heartbeatSeconds": seconds(l.GetHeartbeatNano()), "memorySeconds": seconds(l.GetMemoryNano()),
		},
	}
	for _, n := range countLimits(l) {
		j.Limits[n.name] = n.value
	}
	for _, pair := range settings.GetPirates() {
		j.Pirates = append(j.Pirates, pirateJSON{orEmpty(pair.GetFront()), orEmpty(pair.GetBack()), pair.GetService()})
	}
	return j
}
