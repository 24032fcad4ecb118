package mdp

import (
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// READY registers a worker for one service:
//
//	MDP/0.1  ["", "MDPW01", 01, service]
//	MDP/0.2  ["MDPW02", 01, service]
//
// (RFC 7 and RFC 18, "MDP/Worker", "Opening and Closing a Connection".) It has no
// response. A worker that is registered and says it again begins anew: that is what a
// program does which started again with its routing id.

// readReady reads a READY. Reserved names are answered with DISCONNECT by the desk
// (RFC 8, "Namespace": MUST).
func (s *speaker) readReady(now time.Duration, frames [][]byte) ([]desk.Action, error) {
	if len(frames) != 1 {
		return nil, invalid("READY with %d frames behind it, want the service", len(frames))
	}
	service, err := serviceName(frames[0])
	if err != nil {
		return nil, err
	}
	s.silent = false
	return s.desk.Ready(now, s.peer, desk.Offer{
		Name:       dialect.WorkerName(s.peer.ID),
		Services:   []string{service},
		Capacity:   1,
		Idempotent: true, // RFC 7 and RFC 18, "Overall Topology"
		Heartbeat:  s.interval,
		Patience:   s.interval * time.Duration(s.liveness),
	}), nil
}
