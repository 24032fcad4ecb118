package mdp

import (
	"bytes"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// FINAL ends a request, from a worker to the broker and from the broker to a client.
// MDP/0.1 calls it REPLY:
//
//	MDP/0.1  ["", "MDPW01", 03, token, "", body...]  ["", "MDPC01", service, body...]
//	MDP/0.2  ["MDPW02", 04, token, "", body...]      ["MDPC02", 03, service, body...]
//
// (RFC 7 and RFC 18, "MDP/Client", "MDP/Worker", "Request and Reply Processing".)

// readFinal reads the last answer of a worker.
func (s *speaker) readFinal(now time.Duration, frames [][]byte) ([]desk.Action, error) {
	leg, body, err := s.addressed(frames)
	if err != nil {
		return nil, err
	}
	return s.desk.Reply(now, s.peer, leg, desk.Answer{Content: desk.Content{Body: body}}), nil
}

// addressed reads what a worker sends about a request: exactly one client address,
// which is a token here, an empty frame, and the body. A body of no frames is taken as
// one empty frame, though it should have one: workers send it, and would else be busy
// for ever. So they would without the empty frame, which the guide's worker in PHP and
// its models leave out: it is not missed behind the token of a request that the worker
// has, if that is not there twice. A token of anything but a request of this broker gives leg 0, which the desk
// counts and drops.
func (s *speaker) addressed(frames [][]byte) (leg uint64, body [][]byte, err error) {
	if len(frames) > 0 && len(frames[0]) <= longestToken {
		leg = s.desk.Leg(string(frames[0]))
	}
	switch {
	case len(frames) > 1 && len(frames[1]) == 0:
		return leg, frames[2:], nil
	case len(frames) > 1 && s.desk.Has(s.peer, leg) && !bytes.Equal(frames[0], frames[1]):
		return leg, frames[1:], nil
	default:
		return 0, nil, invalid("a command without a client address and an empty frame")
	}
}

// longestToken bounds what is looked at as a token, in bytes: an epoch, a dash and 20
// digits are less.
const longestToken = 512

// writeFinal returns the last answer for a client. An error is a body of one frame,
// an envelope of mittere.v1.Status; but a request that expired, as it does if its
// service has no worker, has no answer (RFC 7 and RFC 18, "MDP/Client": SHOULD expire).
func (s *speaker) writeFinal(a desk.Reply) [][]byte {
	service, _ := a.Tag.(string)
	status := a.Answer.Status
	switch {
	case status == nil:
		return s.toClient(s.clientFinal, service, dialect.Frames(a.Answer.Content))
	case status.GetCode() == mitterev1.Code_CODE_DEADLINE_EXCEEDED:
		return nil
	}
	return s.toClient(s.clientFinal, service, [][]byte{dialect.StatusFrame(status)})
}
