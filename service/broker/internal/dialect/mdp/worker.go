package mdp

import (
	"bytes"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	wire "github.com/mittere/mittere/internal/mdp"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// readWorker takes what a worker sent (RFC 7 and RFC 18, "MDP/Worker").
func (s *speaker) readWorker(now time.Duration, m wire.Message) ([]desk.Action, error) {
	switch m.Kind {
	case wire.Ready:
		return s.readReady(now, m.Service), nil
	case wire.Heartbeat: // before READY it is not expected, and the desk answers it with DISCONNECT
		return s.desk.Heartbeat(now, s.peer), nil
	case wire.Disconnect: // which is legal at any time, before READY too
		s.silent = true
		return s.desk.Gone(now, s.peer), nil
	}
	delivery, err := s.deliveryOf(m)
	switch {
	case err != nil:
		return nil, err
	case m.Kind == wire.Request:
		return s.readWorkerRequest(now), nil
	case m.Kind == wire.Partial:
		return s.desk.Item(now, s.peer, delivery, desk.Content{Body: m.Body}), nil
	default:
		return s.desk.Reply(now, s.peer, delivery, desk.Answer{Content: desk.Content{Body: m.Body}}), nil
	}
}

// readReady registers a worker. One that is registered and says it again begins anew: that
// is what a program does which started again with its routing id. Reserved names are
// answered with DISCONNECT by the desk (RFC 8, "Namespace": MUST).
func (s *speaker) readReady(now time.Duration, service string) []desk.Action {
	s.silent = false
	return s.desk.Ready(now, s.peer, desk.Offer{
		Name:       dialect.WorkerName(s.peer.ID),
		Services:   []string{service},
		Capacity:   1,
		Idempotent: true, // RFC 7 and RFC 18, "Overall Topology"
		Heartbeat:  s.interval,
		Patience:   s.interval * time.Duration(s.liveness),
	})
}

// readWorkerRequest takes a REQUEST of a worker, which only the broker sends. As it is
// valid and not expected, the answer is DISCONNECT (RFC 7 and RFC 18, "Opening and Closing
// a Connection": MUST).
func (s *speaker) readWorkerRequest(now time.Duration) []desk.Action {
	if s.desk.Registered(s.peer) {
		return s.desk.Dismiss(now, s.peer, &mitterev1.Status{
			Code: mitterev1.Code_CODE_FAILED_PRECONDITION, Message: "the command REQUEST is the broker's",
		})
	}
	return s.desk.Heartbeat(now, s.peer) // as from any worker that is not registered
}

// deliveryOf returns the delivery that a worker answers: the client's address is its token. A
// token of anything but a request of this broker gives 0, which the desk counts and drops.
//
// The empty frame behind the address may be missing where the token is of a request that
// the worker has, and is not there twice: the guide's worker in PHP and its models leave it
// out, and would be busy for ever.
func (s *speaker) deliveryOf(m wire.Message) (delivery uint64, err error) {
	if len(m.Address) <= longestToken {
		delivery = s.desk.Delivery(string(m.Address))
	}
	if m.NoDelimiter && (!s.desk.Has(s.peer, delivery) || bytes.Equal(m.Address, m.Body[0])) {
		return 0, invalid("a command without a client address and an empty frame")
	}
	return delivery, nil
}

// longestToken bounds what is looked at as a token, in bytes: an epoch, a dash and 20
// digits are less.
const longestToken = 512

// writeRequest returns a REQUEST for a worker. The client's address is a token that names
// the request, so that a reply can go to no other client and to no other request.
func (s *speaker) writeRequest(a desk.Deliver) [][]byte {
	return s.spelling.Encode(wire.Message{
		Role: wire.Worker, Kind: wire.Request, Address: []byte(s.desk.Token(a.Delivery)), Body: dialect.Frames(a.Request.Content),
	})
}

// writeDisconnect returns a DISCONNECT, if none went either way since READY. A worker that
// sent or got one is sent no more.
func (s *speaker) writeDisconnect() [][]byte {
	if s.silent {
		return nil
	}
	s.silent = true
	return s.spelling.Encode(wire.Message{Role: wire.Worker, Kind: wire.Disconnect})
}
