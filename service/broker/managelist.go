package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/service/desk"
)

// ListServices returns the services that have workers or requests.
func (m manager) ListServices(_ context.Context, req *mitterev1.ListServicesRequest) (*mitterev1.ListServicesResponse, error) {
	resp := &mitterev1.ListServicesResponse{}
	asked := req.GetName() != "" || req.GetPrefix() != ""
	for _, s := range m.b.Services() {
		switch {
		case req.GetName() != "" && s.Name != req.GetName(), !strings.HasPrefix(s.Name, req.GetPrefix()), desk.Reserved(s.Name) && !asked:
			continue
		}
		resp.Services = append(resp.Services, &mitterev1.BrokeredService{
			Name: s.Name, Workers: uint32(s.Workers), Free: uint32(s.Free), Queued: uint32(s.Queued), InFlight: uint32(s.InFlight),
		})
	}
	return resp, nil
}

// ListWorkers returns the workers that are registered.
func (m manager) ListWorkers(_ context.Context, req *mitterev1.ListWorkersRequest) (*mitterev1.ListWorkersResponse, error) {
	m.b.mu.Lock()
	defer m.b.mu.Unlock()
	resp := &mitterev1.ListWorkersResponse{Unknown: m.unknown(req.GetNames())}
	now := m.b.now()
	for _, w := range m.b.desk.Workers() {
		if listed(w, req) {
			resp.Workers = append(resp.Workers, m.worker(w, now))
		}
	}
	return resp, nil
}

// unknown returns those names that no worker has, each once.
func (m manager) unknown(names []string) (unknown []string) {
	for _, name := range names {
		if _, ok := m.b.desk.Worker(name); !ok && !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// listed reports whether a worker is asked for.
func listed(w desk.WorkerView, req *mitterev1.ListWorkersRequest) bool {
	asked := req.GetService() != "" || len(req.GetNames()) > 0
	switch {
	case own(w) && !asked,
		req.GetService() != "" && !slices.Contains(w.Offer.Services, req.GetService()),
		len(req.GetNames()) > 0 && !slices.Contains(req.GetNames(), w.Offer.Name):
		return false
	}
	switch req.GetStatus() {
	case mitterev1.WorkerStatus_WORKER_STATUS_ALIVE:
		return w.State != desk.Draining
	case mitterev1.WorkerStatus_WORKER_STATUS_DRAINING:
		return w.State == desk.Draining
	default:
		return true
	}
}

// own reports whether a worker is the broker's, by which it answers here.
func own(w desk.WorkerView) bool { return w.Offer.Own }

// worker returns what is known of a worker.
func (m manager) worker(w desk.WorkerView, now time.Duration) *mitterev1.Worker {
	one := &mitterev1.Worker{
		Name: w.Offer.Name, Services: slices.Clone(w.Offer.Services), State: stateOf(w.State),
		Capacity: uint32(w.Offer.Capacity), InFlight: uint32(w.InFlight), Queued: uint32(w.Queued), Served: w.Served,
		RegisteredNano: int64(now - w.Since), HeardNano: int64(now - w.Heard), LeftNano: int64(max(w.Until-now, 0)),
		HeartbeatNano: int64(w.Offer.Heartbeat), Version: w.Offer.Version, Endpoints: slices.Clone(w.Offer.Endpoints),
		Address: addressOf(w.Peer), Descriptors: slices.Clone(w.Offer.Descriptors),
	}
	if p := m.b.peers[w.Peer]; p != nil {
		one.Dialect, one.Received, one.Sent = p.dialect, p.received, p.sent
	}
	return one
}

// stateOf returns a state.
func stateOf(s desk.State) mitterev1.WorkerState {
	switch s {
	case desk.Idle:
		return mitterev1.WorkerState_WORKER_STATE_IDLE
	case desk.Busy:
		return mitterev1.WorkerState_WORKER_STATE_BUSY
	default:
		return mitterev1.WorkerState_WORKER_STATE_DRAINING
	}
}

// addressOf returns an address as text: the socket's number and the routing id in
// hexadecimal digits.
func addressOf(p desk.Peer) string { return fmt.Sprintf("%d/%x", p.Socket, p.ID) }
