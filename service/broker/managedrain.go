package broker

import (
	"context"
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/desk"
)

// Drain lets workers finish what they have and gives them nothing new, until they are
// dismissed, or leave.
func (m manager) Drain(_ context.Context, req *mitterev1.DrainRequest) (*mitterev1.DrainResponse, error) {
	drained, unknown, err := m.each(req.GetWorkers(), req.GetService(), m.b.desk.Retire)
	if err != nil {
		return nil, err
	}
	m.b.log.Info("workers are drained", "workers", drained, "unknown", unknown)
	return &mitterev1.DrainResponse{Drained: drained, Unknown: unknown}, nil
}

// Dismiss disconnects workers.
func (m manager) Dismiss(_ context.Context, req *mitterev1.DismissRequest) (*mitterev1.DismissResponse, error) {
	dismiss := func(now time.Duration, peer desk.Peer) []desk.Action {
		return m.b.desk.Dismiss(now, peer, messaging.Errorf(messaging.Unavailable, "the broker's operator dismissed the worker").Status())
	}
	dismissed, unknown, err := m.each(req.GetWorkers(), req.GetService(), dismiss)
	if err != nil {
		return nil, err
	}
	m.b.log.Info("workers were dismissed", "workers", dismissed, "unknown", unknown)
	return &mitterev1.DismissResponse{Dismissed: dismissed, Unknown: unknown}, nil
}

// each does something with workers: with those of these names, or all of a service. It
// returns their names, in order, and the names that no worker has. The broker's own
// worker would take the management away with it.
func (m manager) each(names []string, service string, do func(time.Duration, desk.Peer) []desk.Action) (done, unknown []string, err error) {
	if (len(names) == 0) == (service == "") {
		return nil, nil, messaging.Errorf(messaging.InvalidArgument, "want the names of workers, or a service")
	}
	m.b.mu.Lock()
	defer m.b.mu.Unlock()
	meant := m.chosen(func(w desk.WorkerView) bool {
		return slices.Contains(names, w.Offer.Name) || service != "" && slices.Contains(w.Offer.Services, service)
	})
	if service != "" && len(meant) == 0 {
		return nil, nil, messaging.Errorf(messaging.NotFound, "no worker serves %q", service)
	}
	if i := slices.IndexFunc(meant, own); i >= 0 {
		return nil, nil, messaging.Errorf(messaging.PermissionDenied, "the worker %q is the broker's own", meant[i].Offer.Name)
	}
	unknown = m.unknown(names)
	for _, w := range meant {
		m.b.carryOut(do(m.b.now(), w.Peer))
		done = append(done, w.Offer.Name)
	}
	return done, unknown, nil
}

// chosen returns the workers that are meant, in order.
func (m manager) chosen(meant func(desk.WorkerView) bool) []desk.WorkerView {
	return slices.DeleteFunc(m.b.desk.Workers(), func(w desk.WorkerView) bool { return !meant(w) })
}
