package mdp

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/mittere/mittere/service/desk"
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
		Name:       workerName(s.peer.ID),
		Services:   []string{service},
		Capacity:   1,
		Idempotent: true, // RFC 7 and RFC 18, "Overall Topology"
		Heartbeat:  s.interval,
		Patience:   s.interval * time.Duration(s.liveness),
	}), nil
}

// workerName returns the name of a worker: its routing id if that can be shown, else
// the hex of it, or of its hash if that would be too long for a name.
func workerName(id string) string {
	if printable(id) {
		return id
	}
	if hex.EncodedLen(len(id)) > longestName {
		hash := sha256.Sum256([]byte(id))
		return hex.EncodeToString(hash[:])
	}
	return hex.EncodeToString([]byte(id))
}
