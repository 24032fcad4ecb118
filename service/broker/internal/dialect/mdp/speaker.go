package mdp

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// speaker is one peer, which is a client or a worker from its first message on.
type speaker struct {
	*version
	*spelling // the RFC's until one is certain
	certain   bool
	desk      *desk.Desk
	peer      desk.Peer
	role      role

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
		s.spelling, s.certain = s.spellingOf(frames)
	}
	r, rest := s.header(frames)
	if r == unknown {
		return nil, nil, invalid("no message of %s", s.name)
	}
	if s.role == unknown {
		s.role = r
	}
	switch {
	case r != s.role && r == worker:
		return nil, nil, invalid("a client that sends commands of a worker")
	case r != s.role:
		return nil, nil, invalid("a worker that sends requests of a client")
	case r == client:
		return s.readRequest(now, rest)
	default:
		actions, err = s.readWorker(now, rest)
		return actions, nil, err
	}
}

// readWorker reads a command of a worker.
func (s *speaker) readWorker(now time.Duration, frames [][]byte) ([]desk.Action, error) {
	if len(frames) == 0 {
		return nil, invalid("a message of a worker without a command")
	}
	rest := frames[1:]
	switch command := string(frames[0]); {
	case command == s.ready:
		return s.readReady(now, rest)
	case command == s.request:
		return s.readWorkerRequest(now, rest)
	case command == s.partial && s.partials():
		return s.readPartial(now, rest)
	case command == s.final:
		return s.readFinal(now, rest)
	case command == s.heartbeat:
		return s.readHeartbeat(now, rest)
	case command == s.disconnect:
		return s.readDisconnect(now, rest)
	default:
		return nil, invalid("a worker's command %s", shown(frames[0]))
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
		return s.writeHeartbeat()
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
