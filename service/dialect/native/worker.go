package native

import (
	"math"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/desk"
)

// readReady has a worker offer its services. A second one in the session changes the
// offer; an offer that cannot be taken ends the session, with the desk's Disconnect.
func (s *speaker) readReady(now time.Duration, k *mitterev1.Ready) ([]desk.Action, [][][]byte) {
	if !s.hears(now, k.GetSession()) {
		return nil, s.dismiss(errUnknownSession())
	}
	return s.desk.Ready(now, s.peer, desk.Offer{
		Name: k.GetInstance(), Services: k.GetServices(), Capacity: int(min(k.GetCapacity(), math.MaxInt32)), Version: k.GetVersion(),
		Session: s.session.id, Heartbeat: s.session.heartbeat, Patience: s.session.patience(),
		Endpoints: k.GetEndpoints(), Descriptors: k.GetDescriptors(), Repeatable: k.GetRepeatable(), Types: k.GetTypes(),
		Cancels: true, Own: s.session.own,
	}), nil
}

// readDrain has a worker get no further requests, until it is ready again.
func (s *speaker) readDrain(now time.Duration, k *mitterev1.Drain) ([]desk.Action, [][][]byte) {
	if !s.hears(now, k.GetSession()) {
		return nil, s.dismiss(errUnknownSession())
	}
	return s.desk.Drain(now, s.peer), nil
}
