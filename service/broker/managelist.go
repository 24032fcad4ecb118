package broker

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// ListServices returns the services that have workers or requests.
func (m manager) ListServices(_ context.Context, req *mitterev1.ListServicesRequest) (*mitterev1.ListServicesResponse, error) {
	var found []desk.ServiceView
	m.inspect(func() {
		for s := range m.b.desk.EachService {
			if asked(s, req) {
				found = append(found, s)
			}
		}
	})
	slices.SortFunc(found, func(a, b desk.ServiceView) int { return cmp.Compare(a.Name, b.Name) })
	resp := &mitterev1.ListServicesResponse{}
	for _, s := range found {
		resp.Services = append(resp.Services, &mitterev1.BrokeredService{
			Name: s.Name, Workers: uint32(s.Workers), Free: uint32(s.Free), Queued: uint32(s.Queued), InFlight: uint32(s.InFlight),
		})
	}
	return resp, nil
}

// asked reports whether a service is asked for.
func asked(s desk.ServiceView, req *mitterev1.ListServicesRequest) bool {
	if desk.Reserved(s.Name) && req.GetName() == "" && req.GetPrefix() == "" {
		return false
	}
	return (req.GetName() == "" || s.Name == req.GetName()) && strings.HasPrefix(s.Name, req.GetPrefix())
}

// ListWorkers returns the workers that are registered.
func (m manager) ListWorkers(_ context.Context, req *mitterev1.ListWorkersRequest) (*mitterev1.ListWorkersResponse, error) {
	if err := m.checkNames(req.GetNames()); err != nil {
		return nil, err
	}
	found, unknown, now := m.find(req.GetNames())
	found = slices.DeleteFunc(found, func(w information) bool { return !listed(w, req) })
	slices.SortFunc(found, func(a, b information) int { return cmp.Compare(a.Offer.Name, b.Offer.Name) })
	resp := &mitterev1.ListWorkersResponse{Unknown: unknown}
	for _, w := range found {
		resp.Workers = append(resp.Workers, w.message(now))
	}
	return resp, nil
}

// listed reports whether a worker that was found is asked for.
func listed(w information, req *mitterev1.ListWorkersRequest) bool {
	asked := req.GetService() != "" || len(req.GetNames()) > 0
	if w.Offer.Own && !asked || req.GetService() != "" && !slices.Contains(w.Offer.Services, req.GetService()) {
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

// message returns what is known of a worker. What is the desk's in it does not change.
func (w information) message(now time.Duration) *mitterev1.Worker {
	return &mitterev1.Worker{
		Name: w.Offer.Name, Services: w.Offer.Services, State: stateOf(w.State),
		Capacity: uint32(w.Offer.Capacity), InFlight: uint32(w.InFlight), Queued: uint32(w.Queued), Served: w.Served,
		RegisteredNano: int64(now - w.Since), HeardNano: int64(now - w.Heard), LeftNano: int64(max(w.Until-now, 0)),
		HeartbeatNano: int64(w.Offer.Heartbeat), Version: w.Offer.Version, Endpoints: w.Offer.Endpoints,
		Address: w.Peer.String(), Descriptors: w.Offer.Descriptors,
		Dialect: w.dialect, Received: w.received, Sent: w.sent,
	}
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
