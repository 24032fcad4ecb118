package native

import (
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// speaker is one peer, with or without a session.
type speaker struct {
	*native
	desk      *desk.Desk
	peer      desk.Peer
	delimited bool     // it writes an empty frame in front of its commands
	session   *session // nil if it has none
}

// inbound is a command that came, and how.
type inbound struct {
	command.Command
	frames [][]byte // that it came in; what was decoded of them does not need their array
}

// Read takes a message of the peer. One that is no command ends its session, and it is
// told which versions are spoken here. One that is no peer's to send, or not a peer's of
// this role, is dropped with an error; one of a later version is ignored.
func (s *speaker) Read(now time.Duration, frames [][]byte) (actions []desk.Action, answers [][][]byte, err error) {
	// The code that ends a session tells the desk. The rest of the same message
	// is of no session, and tells the desk nothing.
	ended := s.endIfSilent(now)
	s.delimited, frames = split(frames)
	command, err := command.Decode(frames)
	if err != nil {
		actions, answers = s.reject(now, err)
	} else {
		actions, answers, err = s.read(now, inbound{command, frames})
	}
	if ended != nil {
		actions = ended
	}
	return actions, answers, err
}

// read takes a command.
func (s *speaker) read(now time.Duration, m inbound) (actions []desk.Action, answers [][][]byte, err error) {
	switch k := m.Kind.(type) {
	case nil: // of a later version
		return nil, nil, nil
	case *mitterev1.Hello:
		return s.readHello(now, k)
	case *mitterev1.Heartbeat:
		return s.readHeartbeat(now, k)
	case *mitterev1.Disconnect:
		return s.readDisconnect(now, k), nil, nil
	case *mitterev1.Request, *mitterev1.Credit, *mitterev1.Cancel:
		return s.readClient(now, m)
	case *mitterev1.Ready, *mitterev1.Reply, *mitterev1.Item, *mitterev1.Event, *mitterev1.Drain:
		return s.readWorker(now, m)
	default:
		return nil, nil, invalid("a %s, which is the broker's to send", nameOf(k))
	}
}

// readClient takes a command of a client.
func (s *speaker) readClient(now time.Duration, m inbound) (actions []desk.Action, answers [][][]byte, err error) {
	if k, ok := m.Kind.(*mitterev1.Request); ok {
		return s.readRequest(now, k, m)
	}
	if s.session == nil {
		return nil, nil, nil // it is over, and so is the call
	}
	if s.session.worker {
		return nil, nil, invalid("a worker that sends a %s", nameOf(m.Kind))
	}
	s.session.Hear(now)
	switch k := m.Kind.(type) {
	case *mitterev1.Credit:
		actions, answers = s.readCredit(now, k)
		return actions, answers, nil
	case *mitterev1.Cancel:
		return s.readCancel(now, k), nil, nil
	default:
		return nil, nil, nil
	}
}

// readWorker takes a command of a worker.
func (s *speaker) readWorker(now time.Duration, m inbound) (actions []desk.Action, answers [][][]byte, err error) {
	if s.session == nil {
		if k, answer := m.Kind.(interface{ GetCall() uint64 }); answer { // it was paused, and does not know yet
			s.desk.Stray(s.peer, k.GetCall())
		}
		return nil, s.dismiss(errUnknownSession()), nil
	}
	if !s.session.worker {
		return s.readForeign(now, m)
	}
	s.session.Hear(now)
	switch k := m.Kind.(type) {
	case *mitterev1.Ready:
		actions, answers = s.readReady(now, k)
	case *mitterev1.Drain:
		actions, answers = s.readDrain(now, k)
	case *mitterev1.Reply:
		actions = s.readReply(now, k, m)
	case *mitterev1.Item:
		actions = s.readItem(now, k, m)
	case *mitterev1.Event:
		actions = s.readEvent(now, k, m)
	}
	return actions, answers, nil
}

// readForeign drops what a client sends that is a worker's to send. One that wants to
// be a worker is told that it is none.
func (s *speaker) readForeign(now time.Duration, m inbound) (actions []desk.Action, answers [][][]byte, err error) {
	err = invalid("a client that sends a %s", nameOf(m.Kind))
	if _, ready := m.Kind.(*mitterev1.Ready); ready {
		return s.endSession(now), s.dismiss(message.Errorf(message.FailedPrecondition, "the session is a client's")), err
	}
	s.session.Hear(now)
	return nil, nil, err
}

// Write returns the frames of an action for the peer; nil if it has no session.
func (s *speaker) Write(action desk.Action) [][]byte {
	if s.session == nil {
		return nil
	}
	switch a := action.(type) {
	case desk.Deliver:
		return s.writeRequest(a)
	case desk.Waiting:
		return s.writeWaiting(a)
	case desk.Reply:
		return s.writeReply(a)
	case desk.Item:
		return s.writeItem(a)
	case desk.Event:
		return s.writeEvent(a)
	case desk.Accepted:
		return s.writeAccepted(a)
	case desk.CancelDelivery:
		return s.frames(&mitterev1.Cancel{Call: a.Delivery}, nil)
	case desk.CreditDelivery:
		return s.frames(&mitterev1.Credit{Call: a.Delivery, Items: a.Items}, nil)
	case desk.Heartbeat:
		return s.writeHeartbeat(s.desk.Now())
	case desk.Disconnect:
		s.session = nil
		return s.frames(&mitterev1.Disconnect{Status: a.Status}, nil)
	default:
		return nil
	}
}

// Idle reports whether the peer has no session.
func (s *speaker) Idle() bool { return s.session == nil }

// frames returns a command as it goes to the peer; nil if it cannot be written, as with
// invalid UTF-8 in a text.
func (s *speaker) frames(kind proto.Message, body []byte) [][]byte {
	c := command.Command{Kind: kind, Body: body}
	frames, err := c.Frames()
	switch {
	case err != nil:
		return nil
	case s.delimited:
		return append([][]byte{{}}, frames...)
	default:
		return frames
	}
}

// content returns the content of a message, with its kind as the head.
func (m *inbound) content() desk.Content {
	c := desk.Content{Head: m.Kind, HeadSize: len(m.frames[0])}
	if m.Body == nil {
		return c
	}
	c.Body = m.frames[len(m.frames)-1:]
	if len(m.frames) == 1 { // the array is there, so it holds the body from now on
		c.HeadSize -= len(m.Body)
		c.Body[0] = m.Body
	}
	return c
}

// nameOf returns the name of a kind of command.
func nameOf(kind proto.Message) string { return string(kind.ProtoReflect().Descriptor().Name()) }

// invalid returns the error of a command that the peer must not send.
func invalid(format string, args ...any) error {
	return message.Errorf(message.InvalidArgument, format, args...)
}
