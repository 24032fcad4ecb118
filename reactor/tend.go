package reactor

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// leastProbe stands between the end of a connection and a look at who is still
// there, and so between two such looks.
const leastProbe = 50 * time.Millisecond

// tend keeps the sessions of a socket: sends heartbeats, ends those that are
// silent, and forgets answers. It goes on until all handlers have ended.
func (h *host) tend() {
	tick := time.NewTicker(max(h.u.heartbeat/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.beat(false)
		case <-h.u.handling.Done():
			h.bye()
			return
		}
	}
}

// watch sends a heartbeat in every session soon after a connection ended: those that
// cannot be reached are gone, and what they had asked for is cancelled. It takes at
// most a tenth of the time, however often connections end. Not at once:
// libzmq tells of the end before the socket itself knows, which until then takes
// what is sent to nobody.
func (h *host) watch() {
	socket, ok := h.socket.Socket.(interface {
		WaitDisconnect(context.Context, uint64) (uint64, error)
	})
	pause := leastProbe
	for seen := uint64(0); ok; {
		var err error
		if seen, err = socket.WaitDisconnect(h.u.receiving, seen); err != nil {
			return
		}
		select {
		case <-time.After(pause):
			began := time.Now()
			h.beat(true)
			pause = max(9*time.Since(began), leastProbe)
		case <-h.u.receiving.Done():
		}
	}
}

// beat sends the heartbeats that are due, or all.
func (h *host) beat(all bool) {
	due, now := h.due(all)
	for _, s := range due {
		err := h.whisper(s.path, &mitterev1.Heartbeat{Session: s.ID, SentAtNano: int64(now) + 1})
		if messaging.IsUnreachable(err) {
			h.lose(s)
		}
	}
}

// due ends the sessions that are over and returns those in which a heartbeat is
// due.
func (h *host) due(all bool) (due []*session, now time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now = h.lookLocked()
	for _, s := range h.sessions.byPeer {
		h.memory.keep(now, s.Client)
	}
	h.memory.expire(now)
	for _, s := range h.sessions.silent(now) {
		h.drop(s, errSilent)
	}
	return h.sessions.due(now, all), now
}

// lose ends a session whose peer cannot be reached.
func (h *host) lose(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions.close(s)
	h.drop(s, errGone)
}

// longestFarewell is how long clients may take to read the last word.
const longestFarewell = 500 * time.Millisecond

// bye tells all peers that the server has stopped, behind the answers that they get. Then it
// waits until clients have hung up, as they do when they have read that: libzmq drops what
// a client has not read when its connection ends. A broker reads all the same.
func (h *host) bye() {
	for _, s := range h.all() {
		_ = h.socket.outbox.send(h.u.sending, h.farewell(s), rankLast) // nobody is left to tell
	}
	tick := time.NewTicker(leastProbe)
	defer tick.Stop()
	late := time.After(longestFarewell)
	for h.member == nil && len(h.all()) > 0 {
		select {
		case <-tick.C:
		case <-late:
			return
		case <-h.u.sending.Done():
			return
		}
		for _, s := range h.all() {
			if messaging.IsUnreachable(h.socket.outbox.offer(h.u.sending, h.farewell(s))) {
				h.lose(s)
			}
		}
	}
}

// farewell returns the last word of a session. If all calls in it were answered, and no
// answer was dropped, what the peer still waits for was never executed.
func (h *host) farewell(s *session) *commandLetter {
	h.mu.Lock()
	defer h.mu.Unlock()
	refused := len(s.legs) == 0 && !h.dropped.Load()
	return &commandLetter{s.path, messaging.Command{Kind: &mitterev1.Disconnect{Status: errStopped.Status(), Refused: refused}}}
}

// lastWord is how long a command may wait for room that is worth little.
const lastWord = 10 * time.Millisecond

// whisper sends a command that is not kept if there is no room for it.
func (h *host) whisper(path messaging.ReturnPath, kind proto.Message) error {
	ctx := h.u.sending
	if h.member != nil { // whose socket waits
		short, cancel := context.WithTimeout(ctx, lastWord)
		defer cancel()
		ctx = short
	}
	l := &commandLetter{path, messaging.Command{Kind: kind}}
	err := l.send(ctx)
	if err == nil {
		shower{h.u.log}.sent(l)
	}
	return err
}

// drain tells all peers to send no further requests.
func (h *host) drain() {
	for _, s := range h.all() {
		if h.member != nil {
			_ = h.tell(s.path, s.ID) // what cannot be told is of a session that is lost
			continue
		}
		h.say(s.path, &mitterev1.Drain{Session: s.ID})
	}
}

// all returns the sessions.
func (h *host) all() (all []*session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.sessions.byPeer {
		all = append(all, s)
	}
	return all
}
