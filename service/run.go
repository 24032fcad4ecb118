package service

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mittere/mittere/messaging"
)

// Run serves until ctx ends. Then it withdraws the instance, tells its callers and its
// broker to go elsewhere, refuses further calls with code UNAVAILABLE, and lets running
// calls end, for the drain timeout. It returns nil if all of them did.
func (s *Server) Run(ctx context.Context) error {
	if s.started.Swap(true) {
		return messaging.Errorf(messaging.FailedPrecondition, "service %s: Run was called before", s.name)
	}
	s.began.Store(time.Now().UnixNano())
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var leaving sync.WaitGroup
	var undrained error
	leaving.Go(func() {
		s.findAddress(serving)
		s.register()
		s.tellRegistration(serving)
	})
	leaving.Go(func() {
		defer stop()
		select {
		case <-ctx.Done():
			s.withdraw()
			s.stop()
			undrained = s.drainCalls(serving)
		case <-serving.Done(): // by itself, as when its socket was closed
			s.withdraw()
		}
	})
	err := s.reactor.Run(serving)
	stop()
	leaving.Wait()
	return errors.Join(err, undrained)
}

// lateCallers is how long calls are still refused, rather than left without an answer, for
// callers that do not know yet that the server stops.
const lateCallers = 100 * time.Millisecond

// drainCalls accepts no further calls and waits until those that it has have ended, and for
// late callers while it is serving.
func (s *Server) drainCalls(serving context.Context) error {
	drain, cancel := context.WithTimeout(context.Background(), s.drain)
	defer cancel()
	err := s.reactor.Drain(drain)
	if s.reactor.Stats().Sessions > 0 {
		select {
		case <-time.After(lateCallers):
		case <-serving.Done():
		}
	}
	if err != nil {
		return messaging.Errorf(messaging.DeadlineExceeded, "service %s: calls still run after %v", s.name, s.drain)
	}
	return nil
}
