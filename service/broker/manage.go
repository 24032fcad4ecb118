package broker

import (
	"context"
	"maps"
	"runtime"
	"slices"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/internal/management"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// ServiceName is the name of the service by which a broker tells of itself and is
// told what to do: mittere.v1.BrokerService, and mittere.v1.ManagementService as
// every service has it. Clients of every dialect ask for it as for any other.
const ServiceName = "mittere.v1.Broker"

// WithVersion sets the version of the program, as others see it. The default is none.
func WithVersion(version string) Option {
	return option(func(c *config) { c.version = version })
}

// manager answers the calls of mittere.v1.BrokerService. Each takes the loop's lock
// for a moment; the loop itself never waits for a manager.
type manager struct{ b *Broker }

var _ mitterev1mittere.BrokerServiceHandler = manager{}

// Status tells what the broker is, holds and has counted.
func (m manager) Status(context.Context, *mitterev1.BrokerServiceStatusRequest) (*mitterev1.BrokerServiceStatusResponse, error) {
	s := m.b.Stats()
	return &mitterev1.BrokerServiceStatusResponse{
		Name: m.b.Name(), Endpoints: m.b.Endpoints(), Versions: m.versions(), StartedUnixNano: m.b.began.UnixNano(),
		Health: m.b.health(), Counters: countersOf(s), Load: loadOf(s), Dialects: m.dialects(),
	}, nil
}

// versions returns what the broker is built of.
func (m manager) versions() *mitterev1.Versions {
	return &mitterev1.Versions{
		Program: m.b.version, Library: management.Library(), Go: runtime.Version(), Zeromq: m.b.engine,
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// dialects counts peers by the protocol that they speak.
func (m manager) dialects() []*mitterev1.DialectCount {
	counts := map[string]*mitterev1.DialectCount{}
	m.inspect(func() {
		for at, p := range m.b.peers {
			one := counts[p.dialect]
			if one == nil {
				one = &mitterev1.DialectCount{Dialect: p.dialect}
				counts[p.dialect] = one
			}
			one.Peers++
			if m.b.desk.Registered(at) {
				one.Workers++
			}
		}
	})
	list := make([]*mitterev1.DialectCount, 0, len(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, counts[name])
	}
	return list
}

// countersOf returns what was counted.
func countersOf(s Stats) *mitterev1.BrokerCounters {
	c := s.Counters
	return &mitterev1.BrokerCounters{
		Requests: c.Requests, Refused: c.Refused, Answered: c.Answered, Failed: c.Failed, Expired: c.Expired,
		Cancelled: c.Cancelled, Joined: c.Joined, Delivered: c.Delivered, Redelivered: c.Redelivered, Poison: c.Poison,
		Replies: c.Replies, Items: c.Items, Events: c.Events, Late: c.Late, Duplicates: c.Duplicates, Foreign: c.Foreign,
		Registered: c.Registered, Rejected: c.Rejected, Died: c.Died,
		Received: s.Received, Sent: s.Sent, Violations: s.Violations, Undeliverable: s.Undeliverable,
	}
}

// loadOf returns what the broker holds.
func loadOf(s Stats) *mitterev1.BrokerLoad {
	return &mitterev1.BrokerLoad{
		Calls: uint64(s.Load.Calls), Requests: uint64(s.Load.Requests), InFlight: uint64(s.Load.InFlight), Bytes: uint64(s.Load.Bytes),
		Services: uint64(s.Load.Services), Workers: uint64(s.Load.Workers), Peers: uint64(s.Peers),
		Waiting: uint64(s.Waiting), WaitingBytes: uint64(s.WaitingBytes),
	}
}

// Settings tells how the broker is set.
func (m manager) Settings(context.Context, *mitterev1.SettingsRequest) (*mitterev1.SettingsResponse, error) {
	return &mitterev1.SettingsResponse{
		Endpoints: m.b.Endpoints(), Pirates: piratesOf(m.b.Pirates()), SessionHeartbeatNano: int64(m.b.session),
		HeartbeatNano: int64(m.b.heartbeat), Liveness: uint32(m.b.liveness), DrainNano: int64(m.b.drain),
		MaxFrameBytes: uint64(m.b.router.MaxFrameSize()), Limits: limitsOf(m.b.deskLimits()),
	}, nil
}

// health says whether the broker takes requests.
func (b *Broker) health() mitterev1.Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shutting {
		return mitterev1.Health_HEALTH_DRAINING
	}
	return mitterev1.Health_HEALTH_SERVING
}

// deskLimits returns the limits that hold, with the defaults in place.
func (b *Broker) deskLimits() desk.Limits {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.desk.Limits()
}

// piratesOf returns pairs of sockets.
func piratesOf(pairs []Pirates) (all []*mitterev1.PiratePair) {
	for _, p := range pairs {
		all = append(all, &mitterev1.PiratePair{Front: p.Front, Back: p.Back, Service: p.Service})
	}
	return all
}

// limitsOf returns limits.
func limitsOf(l desk.Limits) *mitterev1.BrokerLimits {
	return &mitterev1.BrokerLimits{
		Queue: uint64(l.Queue), Requests: uint64(l.Requests), Bytes: uint64(l.Bytes), Services: uint64(l.Services),
		Workers: uint64(l.Workers), Offered: uint64(l.Offered), Capacity: uint64(l.Capacity), Waiters: uint64(l.Waiters),
		Deliveries: uint64(l.Deliveries), ExpiryNano: int64(l.Expiry), LongestNano: int64(l.Longest),
		HeartbeatNano: int64(l.Heartbeat), MemoryNano: int64(l.KeyAge), Keys: uint64(l.Keys), Aside: uint64(l.Control),
		Peer: uint64(l.Peer), OneWay: uint64(l.OneWay),
	}
}
