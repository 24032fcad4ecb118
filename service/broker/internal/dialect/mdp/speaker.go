package mdp

import (
	"cmp"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	wire "github.com/mittere/mittere/internal/mdp"
	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// speaker is one peer, which is a client or a worker from its first message on.
type speaker struct {
	*version
	spelling *wire.Spelling // the RFC's until one is certain
	certain  bool
	desk     *desk.Desk
	peer     desk.Peer
	role     wire.Role

	calls uint64 // of a client, that it made

	// Of a worker: a DISCONNECT went one way or the other, so that it is sent
	// nothing until it is ready again.
	silent bool
}

// Read takes a message of the peer.
//
// A worker that is registered and sends what is not of the protocol is dismissed,
// which may give its request to another: then there are actions beside the error,
// and they must be done. It may have meant a reply, and would else be busy for ever
// (RFC 7 and RFC 18, "Opening and Closing a Connection": SHOULD drop it and treat the
// peer as invalid).
func (s *speaker) Read(now time.Duration, frames [][]byte) (actions []desk.Action, answers [][][]byte, err error) {
	actions, answers, err = s.read(now, frames)
	if err != nil && s.desk.Registered(s.peer) {
		actions = s.desk.Dismiss(now, s.peer, statusOf(err))
	}
	return actions, answers, err
}

// read is Read without what an error does to a worker. With an error the desk was
// told nothing.
func (s *speaker) read(now time.Duration, frames [][]byte) (actions []desk.Action, answers [][][]byte, err error) {
	if !s.certain {
		var found *wire.Spelling
		found, s.certain = s.Spelling(frames)
		s.spelling = cmp.Or(found, s.spelling)
	}
	m, err := s.spelling.Decode(frames)
	s.role = cmp.Or(s.role, m.Role)
	switch {
	case m.Role == 0:
		return nil, nil, err
	case m.Role != s.role && m.Role == wire.Worker:
		return nil, nil, invalid("a client that sends commands of a worker")
	case m.Role != s.role:
		return nil, nil, invalid("a worker that sends requests of a client")
	case err != nil:
		return nil, nil, err
	case m.Role == wire.Client:
		actions, answers = s.readRequest(now, m)
		return actions, answers, nil
	default:
		actions, err = s.readWorker(now, m)
		return actions, nil, err
	}
}

// Write returns the frames of an action for the peer. Credit, cancels, events and who
// got a request are not in the protocol.
func (s *speaker) Write(action desk.Action) [][]byte {
	switch a := action.(type) {
	case desk.Reply:
		return s.writeFinal(a)
	case desk.Item:
		return s.writePartial(a)
	case desk.Deliver:
		return s.writeRequest(a)
	case desk.Heartbeat:
		return s.spelling.Encode(wire.Message{Role: wire.Worker, Kind: wire.Heartbeat})
	case desk.Disconnect:
		return s.writeDisconnect()
	default:
		return nil
	}
}

// Idle reports whether the peer has no call and is not registered.
func (s *speaker) Idle() bool { return !s.desk.Waits(s.peer) && !s.desk.Registered(s.peer) }

// statusOf returns an error of this package as it travels.
func statusOf(err error) *mitterev1.Status {
	return &mitterev1.Status{Code: mitterev1.Code_CODE_INVALID_ARGUMENT, Message: err.Error()}
}

// invalid returns the error of a message that breaks the protocol.
func invalid(format string, args ...any) error {
	return message.Errorf(message.InvalidArgument, format, args...)
}
