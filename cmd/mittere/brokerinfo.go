package main

import (
	"context"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// brokerIs names what a broker is.
const brokerIs = "name version library go engine platform endpoints started health"

// brokerInfo returns what a broker is and how it is set.
func brokerInfo(ctx context.Context, m *manager, timeout time.Duration) (view, error) {
	status, err := askBroker(ctx, m, timeout, m.Status, &mitterev1.BrokerServiceStatusRequest{})
	if err != nil {
		return nil, err
	}
	settings, err := askBroker(ctx, m, timeout, m.Settings, &mitterev1.SettingsRequest{})
	if err != nil {
		return nil, err
	}
	v := viewOf(status.GetVersions(), "program library go zeromq platform").renamed("program", "version").renamed("zeromq", "engine")
	v = append(v, viewOf(status, "name endpoints started health")...).only(brokerIs)
	v = append(v, viewOf(settings, "heartbeatSeconds liveness sessionHeartbeatSeconds drainSeconds maxFrameBytes")...)
	v = v.with("pirates", viewsOf(settings.GetPirates(), "front back service"))
	limits := viewOf(settings.GetLimits(), "queue requests bytes services workers offered capacity waiters deliveries keys aside peer oneWay"+
		" expirySeconds longestSeconds heartbeatSeconds memorySeconds")
	return v.with("limits", limits.renamed("oneWay", "oneway")), nil
}

// brokerInfoTables returns what a broker is and how it is set.
func brokerInfoTables(v view) []table {
	set := v.only("heartbeatSeconds liveness sessionHeartbeatSeconds drainSeconds maxFrameBytes").lines()
	for _, pair := range v.get("pirates").([]view) {
		set = append(set, []string{"pirate", pair.text()})
	}
	limits := v.get("limits").(view).lines()
	return []table{v.only(brokerIs).lines(), titled(set, "SETTING", "VALUE"), titled(limits, "LIMIT", "VALUE")}
}
