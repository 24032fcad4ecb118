package native

import (
	"crypto/sha256"
	"crypto/subtle"
	"maps"
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// session is what a Hello opened (docs/wire.md, "Sessions").
type session struct {
	command.Session
	alias   []byte             // what workers know of its client
	worker  bool               // its role
	own     bool               // it is the broker's own worker
	tell    bool               // the client is to be told why its requests wait
	streams map[uint64]*stream // by the client's number of the call
	kept    int                // bytes of their items, about
	settled []*stream          // that are over, and of which the desk is to be told
	left    bool               // the broker has stopped, and has said so
}

// endIfSilent ends a session that is over, whether or not anybody noticed before: its clock
// tells nothing any more of how old a request is.
func (s *speaker) endIfSilent(now time.Duration) []desk.Action {
	if s.session == nil || !s.session.Over(now) {
		return nil
	}
	return s.endSession(now)
}

// FrameLimit returns how many bytes of a frame the peer takes, 0 if it does not say.
func (s *speaker) FrameLimit() command.FrameLimit {
	if s.session == nil {
		return 0
	}
	return s.session.Limit
}

// endSession ends the session, if there is one, with all that the peer waits for and has.
func (s *speaker) endSession(now time.Duration) []desk.Action {
	if s.session == nil {
		return nil
	}
	s.session = nil
	return s.desk.Gone(now, s.peer)
}

// readDisconnect ends the session as the peer wants it.
func (s *speaker) readDisconnect(now time.Duration, k *mitterev1.Disconnect) []desk.Action {
	if s.session == nil || !s.session.worker || !k.GetRefused() {
		return s.endSession(now)
	}
	s.session = nil
	return s.desk.Left(now, s.peer)
}

// hears reports whether the peer's session has this id, and notes that it lives.
func (s *speaker) hears(now time.Duration, id uint64) bool {
	if s.session == nil || s.session.ID != id {
		return false
	}
	s.session.Hear(now)
	return true
}

// readHello opens a session in place of the one that the peer had.
func (s *speaker) readHello(now time.Duration, k *mitterev1.Hello) ([]desk.Action, [][][]byte, error) {
	actions := s.endSession(now)
	if wrong := command.CheckHello(k); wrong != nil {
		return actions, s.dismiss(wrong), nil
	}
	b := &session{
		Session: command.SessionOfHello(now, s.shortest, k), alias: aliasOf(k.GetInstance()),
		worker: k.GetRole() == mitterev1.Role_ROLE_WORKER,
	}
	b.own = b.worker && s.own != "" && subtle.ConstantTimeCompare([]byte(s.own), k.GetInstance()) == 1
	b.tell = slices.Contains(k.GetFeatures(), command.FeatureWaiting)
	s.session = b
	answers := [][][]byte{s.frames(&mitterev1.Welcome{
		Session: b.ID, HeartbeatNano: int64(b.Heartbeat), Instance: s.name,
		Features: []string{command.FeatureTargets, command.FeatureWaiting},
		Limits:   &mitterev1.Limits{FrameBytes: s.frameBytes, Calls: s.calls},
	}, nil)}
	if s.desk.Stopping() { // who comes now may ask the broker how it goes on, and nothing else
		answers = append(answers, s.Drain()...)
	}
	return actions, answers, nil
}

// aliasOf returns by which instance workers recognise a client. It is the same at all
// times, and tells nothing of the one by which the broker does: a worker must not be able
// to pass for the client there.
func aliasOf(instance []byte) []byte {
	if len(instance) == 0 {
		return nil
	}
	sum := sha256.Sum256(instance)
	return sum[:aliasSize]
}

// aliasSize is how many bytes an alias has.
const aliasSize = 16

// readHeartbeat notes that the peer lives, and measures its clock.
func (s *speaker) readHeartbeat(now time.Duration, k *mitterev1.Heartbeat) ([]desk.Action, [][][]byte, error) {
	if !s.hears(now, k.GetSession()) {
		return nil, s.dismiss(errUnknownSession()), nil
	}
	s.session.Sent(now, k.GetSentAtNano())
	return s.desk.Hear(now, s.peer), nil, nil
}

// writeHeartbeat returns a heartbeat.
func (s *speaker) writeHeartbeat(now time.Duration) [][]byte {
	s.session.Say(now)
	return s.frames(&mitterev1.Heartbeat{Session: s.session.ID, SentAtNano: command.SentAt(now)}, nil)
}

// reject ends the session of a peer that sent what is no command of this version, and
// tells it which one is.
func (s *speaker) reject(now time.Duration, why error) ([]desk.Action, [][][]byte) {
	return s.endSession(now), [][][]byte{s.frames(&mitterev1.Disconnect{
		Status: message.AsError(why).Status(), Versions: []uint32{command.Version},
	}, nil)}
}

// dismiss returns what tells the peer that it has no session.
func (s *speaker) dismiss(why *message.Error) [][][]byte {
	return [][][]byte{s.frames(&mitterev1.Disconnect{Status: why.Status()}, nil)}
}

// errUnknownSession is what a peer gets whose session ended.
func errUnknownSession() *message.Error {
	return message.Errorf(message.Unavailable, "the session is not known here")
}

// Tick ends a session that is over, and streams that are, and sends a heartbeat where
// one is due.
func (s *speaker) Tick(now time.Duration, probe bool) ([]desk.Action, [][][]byte) {
	if s.session != nil && s.session.left {
		return nil, s.farewell(probe)
	}
	if ended := s.endIfSilent(now); s.session == nil {
		return ended, nil
	}
	actions, answers := s.settleStreams(now)
	if probe || s.session.Due(now) {
		answers = append(answers, s.writeHeartbeat(now))
	}
	return actions, answers
}

// Drain returns a Drain for a client, which then sends its requests elsewhere. Workers
// are sent none anyway.
func (s *speaker) Drain() [][][]byte {
	if s.session == nil || s.session.worker || s.session.left {
		return nil
	}
	return [][][]byte{s.frames(&mitterev1.Drain{Session: s.session.ID}, nil)}
}

// Bye says that the session is over, without a word to the desk, which has ended: it has
// answered all that it took, so that what its client still waits for was never executed. Of
// streams the end may be kept here. The session stays until its peer hangs up.
func (s *speaker) Bye() (answers [][][]byte) {
	if s.session == nil || s.session.left {
		return nil
	}
	for _, call := range slices.Sorted(maps.Keys(s.session.streams)) {
		answers = append(answers, s.abort(s.session.streams[call], errStopped())...)
	}
	s.session.left = true
	return append(answers, s.farewell(true)...)
}

// farewell returns the last word of the session, if it is to be said.
func (s *speaker) farewell(said bool) [][][]byte {
	if !said {
		return nil
	}
	return [][][]byte{s.frames(&mitterev1.Disconnect{Status: errStopped().Status(), Refused: !s.session.worker}, nil)}
}

// errStopped is what a peer gets when the broker has stopped.
func errStopped() *message.Error {
	return message.Errorf(message.Unavailable, "the broker stopped")
}
