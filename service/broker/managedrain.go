package broker

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect/native"
)

// Drain lets workers finish what they have and gives them nothing new, until they are
// resumed or dismissed, or leave.
func (m manager) Drain(ctx context.Context, req *mitterev1.DrainRequest) (*mitterev1.DrainResponse, error) {
	drained, unknown, err := m.each(ctx, "workers are drained", req.GetWorkers(), req.GetService(), m.b.desk.Retire)
	if err != nil {
		return nil, err
	}
	return &mitterev1.DrainResponse{Drained: drained, Unknown: unknown}, nil
}

// Resume has workers get requests again that were drained.
func (m manager) Resume(ctx context.Context, req *mitterev1.ResumeRequest) (*mitterev1.ResumeResponse, error) {
	resumed, unknown, err := m.each(ctx, "workers are not drained any more", req.GetWorkers(), req.GetService(), m.b.desk.Reinstate)
	if err != nil {
		return nil, err
	}
	return &mitterev1.ResumeResponse{Resumed: resumed, Unknown: unknown}, nil
}

// Dismiss disconnects workers.
func (m manager) Dismiss(ctx context.Context, req *mitterev1.DismissRequest) (*mitterev1.DismissResponse, error) {
	dismiss := func(now time.Duration, peer desk.Peer) []desk.Action {
		return m.b.desk.Dismiss(now, peer, messaging.Errorf(messaging.Unavailable, "the broker's operator dismissed the worker").Status())
	}
	dismissed, unknown, err := m.each(ctx, "workers were dismissed", req.GetWorkers(), req.GetService(), dismiss)
	if err != nil {
		return nil, err
	}
	return &mitterev1.DismissResponse{Dismissed: dismissed, Unknown: unknown}, nil
}

// each does something with workers, which it logs: with those of these names, or all of a
// service. It returns their names, in order, and the names that no worker has. The broker's
// own worker would take the management away with it.
func (m manager) each(
	ctx context.Context, what string, names []string, service string, do func(time.Duration, desk.Peer) []desk.Action,
) (done, unknown []string, err error) {
	meant, unknown, err := m.meant(names, service)
	if err != nil {
		return nil, nil, err
	}
	for some := range slices.Chunk(meant, atOnce) {
		m.inspect(func() {
			for _, name := range some {
				if w, is := m.b.desk.Worker(name); is { // else it has just left
					m.b.perform(do(m.b.now(), w.Peer))
					done = append(done, name)
				}
			}
			m.b.post()
			m.b.wake()
		})
	}
	m.b.journal.limited.WriteSome(slog.LevelInfo, what, "workers", done, "service", service, "unknown", unknown, "by", askerOf(ctx))
	return done, unknown, nil
}

// askerOf returns the address of the peer that asks.
func askerOf(ctx context.Context) string {
	if c := reactor.CallFrom(ctx); c != nil {
		return c.Metadata[native.PeerMetadata]
	}
	return ""
}

// meant returns the names of the workers that are meant, in order, and those that no worker
// has.
func (m manager) meant(names []string, service string) (meant, unknown []string, err error) {
	if (len(names) == 0) == (service == "") {
		return nil, nil, messaging.Errorf(messaging.InvalidArgument, "want the names of workers, or a service")
	}
	if err := m.checkNames(names); err != nil {
		return nil, nil, err
	}
	found, unknown, _ := m.find(names)
	if service != "" {
		found = slices.DeleteFunc(found, func(w information) bool { return !slices.Contains(w.Offer.Services, service) })
	}
	if len(found) == 0 && service != "" {
		return nil, nil, messaging.Errorf(messaging.NotFound, "no worker serves %q", service)
	}
	slices.SortFunc(found, func(a, b information) int { return cmp.Compare(a.Offer.Name, b.Offer.Name) })
	for _, w := range found {
		if w.Offer.Own {
			return nil, nil, messaging.Errorf(messaging.PermissionDenied, "the worker %q is the broker's own", w.Offer.Name)
		}
		meant = append(meant, w.Offer.Name)
	}
	return meant, unknown, nil
}
