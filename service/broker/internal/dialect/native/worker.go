package native

import (
	"math"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// readReady has a worker offer its services. A second one in the session changes the
// offer. One that is taken is answered with a heartbeat, so that the worker knows that
// it serves; one that cannot be taken ends the session, with the desk's Disconnect.
func (s *speaker) readReady(now time.Duration, k *mitterev1.Ready) ([]desk.Action, [][][]byte) {
	if !s.hears(now, k.GetSession()) {
		return nil, s.dismiss(errUnknownSession())
	}
	actions := s.desk.Ready(now, s.peer, desk.Offer{
		Name: k.GetInstance(), Services: k.GetServices(), Capacity: int(min(k.GetCapacity(), math.MaxInt32)), Version: k.GetVersion(),
		Session: s.session.ID, Heartbeat: s.session.Heartbeat, Patience: s.session.Patience(),
		Endpoints: k.GetEndpoints(), Descriptors: k.GetDescriptors(), Repeatable: k.GetRepeatable(), Types: k.GetTypes(),
		Cancels: true, Control: true, Own: s.session.own,
	})
	if !s.desk.Registered(s.peer) {
		return actions, nil
	}
	return actions, [][][]byte{s.writeHeartbeat(now)}
}

// readDrain has a worker get no further requests, until it is ready again. The answer is
// Drain too: the worker, which may want to leave, knows that nothing comes behind it.
func (s *speaker) readDrain(now time.Duration, k *mitterev1.Drain) ([]desk.Action, [][][]byte) {
	if !s.hears(now, k.GetSession()) {
		return nil, s.dismiss(errUnknownSession())
	}
	return s.desk.Drain(now, s.peer), [][][]byte{s.frames(&mitterev1.Drain{Session: s.session.ID}, nil)}
}
