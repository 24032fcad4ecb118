package mdp

import (
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// DISCONNECT ends what READY began, in both directions:
//
//	MDP/0.1  ["", "MDPW01", 05]
//	MDP/0.2  ["MDPW02", 06]
//
// (RFC 7 and RFC 18, "Opening and Closing a Connection".) Whoever sent or got it sends
// no more. A worker that did not hear it hears nothing, and so begins anew as well.

// readDisconnect reads a DISCONNECT, which is legal at any time, before READY too. The
// worker is sent nothing more. What it had goes to another worker.
func (s *speaker) readDisconnect(now time.Duration, frames [][]byte) ([]desk.Action, error) {
	if len(frames) != 0 {
		return nil, invalid("DISCONNECT with %d frames behind it", len(frames))
	}
	s.silent = true
	return s.desk.Gone(now, s.peer), nil
}

// writeDisconnect returns a DISCONNECT, if none went either way since READY.
func (s *speaker) writeDisconnect() [][]byte {
	if s.silent {
		return nil
	}
	s.silent = true
	return s.toWorker(s.disconnect, 0)
}
