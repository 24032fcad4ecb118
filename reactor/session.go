package reactor

import (
	"math/rand/v2"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/clock"
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

const (
	// longestHeartbeat is the longest that a session may ask for.
	longestHeartbeat = 30 * time.Second
	// heartbeatsMissed is how many heartbeats a peer may leave out.
	heartbeatsMissed = 3
	// maxSessions is how many sessions one socket may have.
	maxSessions = 100_000
)

// session is a peer that said Hello.
type session struct {
	peer      string
	path      messaging.ReturnPath
	id        uint64
	client    string // its instance, which keys have
	heartbeat time.Duration
	heard     time.Duration // when something came
	said      time.Duration // when a heartbeat was last sent
	clock     clock.Offset
	legs      map[uint64]*leg // by the peer's number of the call
	met       chan struct{}   // closed, and nil then, when a broker first speaks in it
}

// patience is how long a session lasts without a word.
func (s *session) patience() time.Duration { return heartbeatsMissed * s.heartbeat }

// over reports whether nothing was heard of the peer for too long.
func (s *session) over(now time.Duration) bool { return now-s.heard > s.patience() }

// sentAt returns when something was sent by the peer's clock, as a time of ours; 0
// is a peer that does not tell.
func (s *session) sentAt(now time.Duration, nano int64) time.Duration {
	if nano == 0 {
		return now
	}
	sent := time.Duration(nano)
	s.clock.Sample(sent, now, s.patience())
	return now - s.clock.Age(sent, now)
}

// newSessions returns none.
func newSessions(shortest time.Duration) sessions {
	return sessions{shortest: shortest, most: maxSessions, byPeer: map[string]*session{}}
}

// open begins a session in place of the one that the peer had, whose calls end.
// nil means that there are too many.
func (t *sessions) open(now time.Duration, path messaging.ReturnPath, hello *mitterev1.Hello) (begun, ended *session) {
	peer := path.Peer()
	ended = t.byPeer[peer]
	if ended == nil && len(t.byPeer) >= t.most {
		return nil, nil
	}
	begun = &session{
		peer: peer, path: path, id: rand.Uint64() | 1, client: string(hello.GetInstance()), heard: now, said: now, legs: map[uint64]*leg{},
		heartbeat: max(min(time.Duration(hello.GetHeartbeatNano()), longestHeartbeat), t.shortest),
	}
	begun.sentAt(now, hello.GetSentAtNano())
	t.byPeer[peer] = begun
	return begun, ended
}

// hear notes that a peer sent something, and returns its session, nil if it has
// none of this id.
func (t *sessions) hear(now time.Duration, peer string, id uint64) *session {
	if s := t.byPeer[peer]; s == nil || s.id != id {
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
	if s == nil || s.over(now) {
		return nil
	}
	s.heard = now
	return s
}

// close ends a session, if it is still there.
func (t *sessions) close(s *session) {
	if t.byPeer[s.peer] == s {
		delete(t.byPeer, s.peer)
	}
}

// look notes the time. It must come before everything that is done at that time:
// if nobody looked for longer than a session lasts, this process stood still, and
// its peers have given up what they had asked for. Those sessions end.
func (t *sessions) look(now time.Duration) (ended []*session) {
	still := now - t.looked
	t.looked = max(now, t.looked)
	if still <= heartbeatsMissed*t.shortest {
		return nil
	}
	return t.remove(func(s *session) bool { return still > s.patience() })
}

// silent ends the sessions of peers of whom nothing was heard for too long.
func (t *sessions) silent(now time.Duration) (ended []*session) {
	return t.remove(func(s *session) bool { return s.over(now) })
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
		if all || now-s.said >= s.heartbeat*3/4 {
			s.said = now
			due = append(due, s)
		}
	}
	return due
}
