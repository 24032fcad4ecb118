package mdp

import (
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// HEARTBEAT says, in both directions, that there is nothing else to say:
//
//	MDP/0.1  ["", "MDPW01", 04]
//	MDP/0.2  ["MDPW02", 05]
//
// (RFC 7 and RFC 18, "Heartbeating".) Any other command is one, too.

// readHeartbeat reads a HEARTBEAT. Before READY it is not expected, and the desk
// answers it with DISCONNECT.
func (s *speaker) readHeartbeat(now time.Duration, frames [][]byte) ([]desk.Action, error) {
	if len(frames) != 0 {
		return nil, invalid("HEARTBEAT with %d frames behind it", len(frames))
	}
	return s.desk.Heartbeat(now, s.peer), nil
}

// writeHeartbeat returns a HEARTBEAT.
func (s *speaker) writeHeartbeat() [][]byte { return s.toWorker(s.heartbeat, 0) }
