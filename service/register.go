package service

import (
	"context"
	"log/slog"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

// withdrawPatience is how long a registry may take to let an instance go.
const withdrawPatience = time.Second

// register registers the instance, if there is a registry.
func (s *Server) register() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil || s.leaving {
		return
	}
	defer close(s.entered)
	s.registration = s.client.Register(&mitterev1.Instance{
		Name: s.name, Id: s.id, Endpoints: s.Endpoints(), Version: s.version, Labels: s.labels, Health: s.health,
		Services: s.services(), Host: registry.Host(), HostId: registry.HostID(), Context: s.contextID,
	}, s.lease)
}

// tellRegistration logs when the instance is registered, and why it is not while the
// registry is there; that this is away its client says. A registration that was replaced
// is the last word.
func (s *Server) tellRegistration(ctx context.Context) {
	r := s.registered()
	if r == nil {
		return
	}
	l := &registrationLog{log: s.log.With("name", s.name, "id", s.id, "registry", s.client.Endpoint(), "endpoints", s.Endpoints())}
	for {
		changed := r.Changed()
		if s.leaves() {
			return
		}
		next, over := l.look(ctx, time.Now(), r.Err(), s.client.Err() == nil)
		if over {
			return
		}
		var again <-chan time.Time
		if next > 0 {
			again = time.After(next)
		}
		select {
		case <-changed:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// leaves reports whether the server stops.
func (s *Server) leaves() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving
}

// registered returns the registration, nil if there is none yet.
func (s *Server) registered() *registry.Registration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.registration
}

// withdraw takes the instance out of the registry. Its health is not told there:
// that it is gone says more.
func (s *Server) withdraw() {
	r := s.stopTelling()
	if r == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), withdrawPatience)
	defer cancel()
	if err := r.Withdraw(ctx); err != nil {
		s.log.Warn("not withdrawn; the registry forgets the instance when its lease ends", "name", s.name, "id", s.id, "error", err)
	}
}

// stopTelling sets the health to draining, and returns the registration if there
// is one.
func (s *Server) stopTelling() *registry.Registration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health, s.leaving = mitterev1.Health_HEALTH_DRAINING, true
	return s.registration
}

// WaitRegistered waits until the server runs and is known where clients look for it: until
// its broker has accepted what it offers, and until the registry has the instance; see
// [registry.Registration.Wait]. Without both it returns at once. A broker that does not
// confirm at once does so with its next heartbeat. An error says why that has not happened;
// it comes before ctx ends if Run has returned.
func (s *Server) WaitRegistered(ctx context.Context) error {
	if s.worker != nil {
		if err := s.reactor.WaitJoined(ctx); err != nil {
			return err
		}
	}
	if s.client == nil {
		return nil
	}
	select {
	case <-s.entered:
		return s.registered().Wait(ctx)
	case <-s.stopping.Done():
		return messaging.Errorf(messaging.Unavailable, "not registered: the server stops")
	case <-ctx.Done():
		why := "Run was not called"
		if s.started.Load() {
			why = "this host's address on the way to " + s.client.Endpoint() + " is not known yet"
		}
		return messaging.Errorf(messaging.CodeOf(ctx.Err()), "not registered, since %s: %w", why, ctx.Err())
	}
}

const (
	// registerPatience is how long a registry that is there may take to register an
	// instance before that is worth a line in the log.
	registerPatience = time.Second
	// remindEvery is how often it is said again that an instance is not registered.
	remindEvery = time.Minute
)

// registrationLog logs what becomes of a registration. It is state of one goroutine; the
// time is a parameter.
type registrationLog struct {
	log   *slog.Logger
	told  error     // what was last said that is wrong; nil if nothing is
	said  time.Time // when
	since time.Time // when it was first missing; zero if it is not
	once  bool      // it was registered before
}

// look takes what is so now: why the instance is not registered, nil if it is, and
// whether the registry is there. It returns when to look again at the latest, 0 if not
// before something changes, and whether nothing will.
func (l *registrationLog) look(ctx context.Context, now time.Time, why error, there bool) (next time.Duration, over bool) {
	switch {
	case why == nil:
		l.well(ctx)
	case messaging.CodeOf(why) == messaging.AlreadyExists:
		l.log.Error("another instance was registered with the name and id of this one, which no longer is and will not be again: "+
			"ids must be unique, see service.WithID", "error", why)
		return 0, true
	case there:
		return l.wrong(now, why), false
	}
	return 0, false
}

// well notes that the instance is registered, and logs it: at level info if it was logged
// that it is not, else at level debug.
func (l *registrationLog) well(ctx context.Context) {
	level := slog.LevelDebug
	if l.told != nil {
		level = slog.LevelInfo
	}
	if l.told != nil || !l.once {
		l.log.Log(ctx, level, "registered")
	}
	*l = registrationLog{log: l.log, once: true}
}

// wrong notes that the instance is not registered, says so if that is news or the time
// has come to remind, and returns when to look again.
func (l *registrationLog) wrong(now time.Time, why error) (next time.Duration) {
	if l.since.IsZero() {
		l.since = now
	}
	due := l.since.Add(registerPatience)
	if l.told != nil {
		due = l.said.Add(remindEvery)
	}
	if now.Before(due) {
		return due.Sub(now)
	}
	l.log.Warn("not registered", "for", now.Sub(l.since).Round(time.Millisecond), "error", why)
	l.told, l.said = why, now
	return remindEvery
}
