package serving

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
)

// sessions are those on one socket. They are pure state: messages and the time go
// in, what is to be done comes out. Times are since the run began.
type sessions struct {
	shortest time.Duration // of the heartbeats that may be agreed
	most     int           // sessions
	byPeer   map[string]*session
	looked   time.Duration // when somebody last looked at the time
}

// maxSessions is how many sessions one socket may have.
const maxSessions = 100_000

// session is a peer that said Hello.
type session struct {
	command.Session
	peer    string
	path    messaging.ReturnPath
	waiters map[uint64]*waiter // by the peer's number of the call
	met     chan struct{}      // closed, and nil then, when a broker first speaks in it
}

// newSessions returns none.
func newSessions(shortest time.Duration) sessions {
	return sessions{shortest: shortest, most: maxSessions, byPeer: map[string]*session{}}
}

// enter begins a session in place of the one that the peer had, whose calls end.
// nil means that there are too many.
func (t *sessions) enter(now time.Duration, path messaging.ReturnPath, hello *mitterev1.Hello) (begun, ended *session) {
	peer := path.Peer()
	ended = t.byPeer[peer]
	if ended == nil && len(t.byPeer) >= t.most {
		return nil, nil
	}
	begun = &session{Session: command.SessionOfHello(now, t.shortest, hello), peer: peer, path: path, waiters: map[uint64]*waiter{}}
	t.byPeer[peer] = begun
	return begun, ended
}

// hear notes that a peer sent something, and returns its session, nil if it has
// none of this id.
func (t *sessions) hear(now time.Duration, peer string, id uint64) *session {
	if s := t.byPeer[peer]; s == nil || s.ID != id {
		return nil
	}
	s := t.of(now, peer)
	if s != nil && s.met != nil {
		close(s.met)
		s.met = nil
	}
	return s
}

// of returns the session of a peer that sent something which needs no id, nil if
// it has none. One that was silent for too long is over, whether or not anybody has
// noticed: its clock tells nothing any more of how old a request is.
func (t *sessions) of(now time.Duration, peer string) *session {
	s := t.byPeer[peer]
	if s == nil || s.Over(now) {
		return nil
	}
	s.Hear(now)
	return s
}

// leave ends a session, if it is still there.
func (t *sessions) leave(s *session) {
	if t.byPeer[s.peer] == s {
		delete(t.byPeer, s.peer)
	}
}

// look notes the time. It must come before everything that is done at that time:
// if nobody looked for longer than a session lasts, this process was paused, and its peers
// have given up what they had asked for. Those sessions end.
func (t *sessions) look(now time.Duration) (ended []*session) {
	pause := now - t.looked
	t.looked = max(now, t.looked)
	if pause <= command.Patience(t.shortest) {
		return nil
	}
	return t.remove(func(s *session) bool { return pause > s.Patience() })
}

// silent ends the sessions of peers of whom nothing was heard for too long.
func (t *sessions) silent(now time.Duration) (ended []*session) {
	return t.remove(func(s *session) bool { return s.Over(now) })
}

// remove takes sessions out.
func (t *sessions) remove(over func(*session) bool) (ended []*session) {
	for peer, s := range t.byPeer {
		if over(s) {
			ended = append(ended, s)
			delete(t.byPeer, peer)
		}
	}
	return ended
}

// due returns the sessions in which a heartbeat is due, or all of them, and notes
// that it is sent.
func (t *sessions) due(now time.Duration, all bool) (due []*session) {
	for _, s := range t.byPeer {
		if all || s.Due(now) {
			s.Say(now)
			due = append(due, s)
		}
	}
	return due
}
