package registry

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry/store"
)

// service answers the calls of mittere.v1.RegistryService.
type service struct{ *Server }

var _ mitterev1mittere.RegistryServiceHandler = service{}

// Register enters an instance.
func (s service) Register(ctx context.Context, req *mitterev1.RegisterRequest) (*mitterev1.RegisterResponse, error) {
	resp := &mitterev1.RegisterResponse{Epoch: s.table.Epoch()}
	err := s.change(ctx, func() error {
		lease, change, err := s.table.Register(s.now(), req.GetInstance(), time.Duration(req.GetLeaseNano()),
			Owner{Token: req.GetToken(), Age: time.Duration(req.GetAgeNano())})
		resp.LeaseNano, resp.Revision = int64(lease), s.table.Revision()
		s.note(change)
		return err
	})
	if err != nil {
		s.refused(req.GetInstance(), err)
		return nil, err
	}
	return resp, nil
}

// refused logs that a registration was refused, of which its owner is told too.
func (s service) refused(instance *mitterev1.Instance, why error) {
	switch messaging.CodeOf(why) {
	case messaging.InvalidArgument, messaging.ResourceExhausted, messaging.AlreadyExists:
		s.limited.Write(slog.LevelWarn, "registration refused", "name", shorten(instance.GetName()), "id", shorten(instance.GetId()),
			"by", shorten(strings.Join(instance.GetEndpoints(), ",")), "error", why)
	}
}

// Renew extends a lease.
func (s service) Renew(ctx context.Context, req *mitterev1.RenewRequest) (*mitterev1.RenewResponse, error) {
	resp := &mitterev1.RenewResponse{}
	err := s.change(ctx, func() error {
		lease, change, err := s.table.Renew(s.now(), store.Key{Name: req.GetName(), ID: req.GetId()}, req.GetToken(), req.GetHealth())
		resp.LeaseNano = int64(lease)
		s.note(change)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// Withdraw removes an instance.
func (s service) Withdraw(ctx context.Context, req *mitterev1.WithdrawRequest) (*mitterev1.WithdrawResponse, error) {
	err := s.change(ctx, func() error {
		change, err := s.table.Withdraw(s.now(), store.Key{Name: req.GetName(), ID: req.GetId()}, req.GetToken())
		s.note(change)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &mitterev1.WithdrawResponse{}, nil
}

// Resolve returns the instances of a name.
func (s service) Resolve(_ context.Context, req *mitterev1.ResolveRequest) (*mitterev1.ResolveResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := s.table.Resolve(s.now(), req.GetName())
	if err != nil {
		return nil, err
	}
	return &mitterev1.ResolveResponse{Entries: entries, Revision: s.table.Revision()}, nil
}

// List returns all instances.
func (s service) List(context.Context, *mitterev1.ListRequest) (*mitterev1.ListResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &mitterev1.ListResponse{
		Entries: s.table.List(s.now()), Revision: s.table.Revision(), Epoch: s.table.Epoch(),
	}, nil
}

// Watch tells each change. A watcher that is slower than the changes come is told
// the whole table instead.
func (s service) Watch(ctx context.Context, req *mitterev1.WatchRequest, send func(*mitterev1.WatchResponse) error) error {
	epoch, revision := req.GetEpoch(), req.GetRevision()
	for first := true; ; first = false {
		news, now, changed := s.since(epoch, revision, req.GetName())
		if first && len(news) == 0 { // the watcher learns that it is up to date
			news = []*mitterev1.WatchResponse{{Epoch: s.table.Epoch(), Revision: now}}
		}
		for _, one := range news {
			if err := inParts(one, send); err != nil {
				return err
			}
		}
		epoch, revision = s.table.Epoch(), now
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// A message tells of no more instances than these, and of no more bytes of them,
// so that a table may be larger than a message.
const (
	partSize  = 1000
	partBytes = 1 << 20
)

// firstPart returns how many entries go into the first message of a table.
func firstPart(entries []*mitterev1.Entry) int {
	size := 0
	for i, entry := range entries {
		size += proto.Size(entry)
		if i == partSize || i > 0 && size > partBytes {
			return i
		}
	}
	return len(entries)
}

// inParts sends a snapshot as a smaller one and changes that complete it. All but
// the last part have no revision, since who gets no more than those has nothing to
// resume from.
func inParts(resp *mitterev1.WatchResponse, send func(*mitterev1.WatchResponse) error) error {
	entries := resp.GetSnapshot().GetEntries()
	first := firstPart(entries)
	if first == len(entries) {
		return send(resp)
	}
	err := send(&mitterev1.WatchResponse{Snapshot: &mitterev1.Snapshot{Entries: entries[:first]}})
	for i := first; i < len(entries) && err == nil; i++ {
		part := &mitterev1.WatchResponse{Change: &mitterev1.Change{Kind: mitterev1.Change_KIND_PUT, Entry: entries[i]}}
		if i == len(entries)-1 {
			part.Epoch, part.Revision = resp.GetEpoch(), resp.GetRevision()
		}
		err = send(part)
	}
	return err
}

// since returns what a watcher must hear, the revision that it knows then, and
// what is closed at the next change.
func (s *Server) since(epoch []byte, revision uint64, name string) (news []*mitterev1.WatchResponse, now uint64, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.Since(s.now(), epoch, revision, name), s.table.Revision(), s.changed.Changed()
}

// rediscover asks dīvidere's services to register again. Nothing else may be
// published where they listen: they subscribe to everything, and their thread dies
// of a message whose type it does not know.
func (s *Server) rediscover(ctx context.Context) error {
	s.ask()
	return s.events.Send(ctx, s.plain.rediscover.New().Interface())
}

// ask notes that they are asked.
func (s *Server) ask() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table.Rediscover()
}
