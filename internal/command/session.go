package command

import (
	"math/rand/v2"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

const (
	// HeartbeatsMissed is how many heartbeats a peer may leave out before its session is
	// over.
	HeartbeatsMissed = 3
	// LongestHeartbeat is the longest interval of heartbeats that a serving end agrees to.
	LongestHeartbeat = 30 * time.Second
)

// Patience is how long a session lasts without a word, at an interval of heartbeats.
func Patience(heartbeat time.Duration) time.Duration { return HeartbeatsMissed * heartbeat }

// HeartbeatDue is how long after the last word a heartbeat is sent.
func HeartbeatDue(heartbeat time.Duration) time.Duration { return heartbeat * 3 / 4 }

// SentAt is a time of this process as its peers are told it, which is never 0.
func SentAt(now time.Duration) int64 { return int64(now) + 1 }

// Session is what one end knows of the other since its Hello or Welcome: what was agreed,
// when it was last heard, and how its clock goes (docs/wire.md, "Sessions"). It is pure
// state; times are those of the own clock.
type Session struct {
	// ID names it; never 0.
	ID uint64
	// Client is the instance of a client, which the keys of its requests have.
	Client string
	// Heartbeat is the interval of heartbeats in both directions.
	Heartbeat time.Duration
	// Limit is how many bytes of a frame the peer takes.
	Limit FrameLimit

	heard  time.Duration // when something came
	said   time.Duration // when something was sent that tells the time
	offset Offset        // of the peer's clock
}

// SessionOfHello returns the session that a Hello begins, which [CheckHello] has let
// through. shortest is the least interval of heartbeats that this end wants.
func SessionOfHello(now, shortest time.Duration, hello *mitterev1.Hello) Session {
	s := Session{
		ID: rand.Uint64() | 1, Client: string(hello.GetInstance()), Limit: FrameLimit(hello.GetFrameBytes()),
		Heartbeat: max(min(time.Duration(hello.GetHeartbeatNano()), LongestHeartbeat), shortest),
		heard:     now, said: now,
	}
	s.Sent(now, hello.GetSentAtNano())
	return s
}

// SessionOfWelcome returns the session that a Welcome begins, which [CheckWelcome] has let
// through.
func SessionOfWelcome(now time.Duration, welcome *mitterev1.Welcome) Session {
	return Session{
		ID: welcome.GetSession(), Limit: FrameLimit(welcome.GetLimits().GetFrameBytes()),
		Heartbeat: time.Duration(welcome.GetHeartbeatNano()), heard: now, said: now,
	}
}

// Patience is how long the session lasts without a word.
func (s *Session) Patience() time.Duration { return Patience(s.Heartbeat) }

// Over reports whether nothing was heard of the peer for too long. It also is if this
// process was paused for as long: then the peer has given up what it asked for, and
// what it sent meanwhile is old.
func (s *Session) Over(now time.Duration) bool { return now-s.heard > s.Patience() }

// Hear notes that something came.
func (s *Session) Hear(now time.Duration) { s.heard = now }

// Say notes that something is sent that tells the time.
func (s *Session) Say(now time.Duration) { s.said = now }

// Due reports whether a heartbeat has to be sent.
func (s *Session) Due(now time.Duration) bool { return now-s.said >= HeartbeatDue(s.Heartbeat) }

// Sent returns when something was sent by the peer's clock, as a time of ours; 0 is a
// peer that does not tell.
func (s *Session) Sent(now time.Duration, nano int64) time.Duration {
	if nano == 0 {
		return now
	}
	sent := time.Duration(nano)
	s.offset.Sample(sent, now, s.Patience())
	return now - s.offset.Age(sent, now)
}

// ValidKey reports whether a key can name a request, so that it is recognised when it
// comes again.
func ValidKey(key *mitterev1.Key) bool {
	n := len(key.GetInstance())
	return n > 0 && n <= MaxInstanceSize && key.GetNumber() > 0
}
