package mdp

import (
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// PARTIAL is a reply that is not the last, in MDP/0.2 alone:
//
//	MDP/0.2  ["MDPW02", 03, token, "", body...]  ["MDPC02", 02, service, body...]
//
// (RFC 18, "MDP/Client", "MDP/Worker", "Request and Reply Processing".)

// readPartial reads a part of the answer of a worker.
func (s *speaker) readPartial(now time.Duration, frames [][]byte) ([]desk.Action, error) {
	leg, body, err := s.addressed(frames)
	if err != nil {
		return nil, err
	}
	return s.desk.Item(now, s.peer, leg, desk.Content{Body: body}), nil
}

// writePartial returns a part of an answer for a client. One of MDP/0.1 gets nothing:
// it expects one reply to each request (RFC 7, "MDP/Client"), which is the last.
func (s *speaker) writePartial(a desk.Item) [][]byte {
	if s.clientPartial == "" {
		return nil
	}
	service, _ := a.Tag.(string)
	return s.toClient(s.clientPartial, service, dialect.Frames(a.Content))
}
