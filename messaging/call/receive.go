package call

import (
	"context"
	"errors"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
)

// inboxSize is how many messages are taken off the socket at once.
const inboxSize = 64

// How answers find their callers.
//
// One of the callers that wait has the token in link.reading and receives for all of
// them, until it has something of its own; then the next one does. A goroutine that
// received for all would have to be woken for each answer, and to wake the caller: a
// single caller reads its answer itself. Messages that arrive while no caller waits are read
// by a goroutine of the session that stands in. A receiver never waits for a caller.

// read receives for all, until the reader has enough, or ctx or the session has ended. The
// reader has taken the token, which is given back unless nothing further can be received.
func (l *link) read(ctx context.Context, enough func() bool) {
	for !enough() && ctx.Err() == nil {
		if err := l.readBatch(ctx); err != nil {
			l.stop(err)
			close(l.broken)
			return
		}
	}
	l.reading <- struct{}{}
}

// readBatch waits for messages until ctx ends, and hands them out. An error ends the
// session.
func (l *link) readBatch(ctx context.Context) (wrong error) {
	n, err := l.dealer.RecvBatch(ctx, l.batch[:])
	for i, m := range l.batch[:n] {
		l.batch[i] = comm.Message{}
		if wrong != nil { // nothing counts after it
			m.Release()
			continue
		}
		wrong = l.dispatch(m)
	}
	if wrong == nil && err != nil && ctx.Err() == nil && !errors.Is(err, comm.TooLarge) {
		return messaging.FromComm(err)
	}
	return wrong
}

// longestRest is how long the stand-in leaves the socket alone. A stand-in that came at once would be in
// the way of the next caller.
const longestRest = 20 * time.Millisecond

// standIn reads while no caller does, until the session ends. When it has read for
// one, others will come, and it rests; not for so long that the silence would be
// taken for that of the server.
func (l *link) standIn(ctx context.Context) {
	rest := min(l.heartbeat/4, longestRest)
	for ctx.Err() == nil {
		select {
		case <-l.reading:
			handed := l.handed
			l.read(ctx, func() bool { return l.handed != handed })
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(rest):
		case <-ctx.Done():
		}
	}
}

// dispatch handles one message. An error ends the session.
func (l *link) dispatch(m comm.Message) error {
	l.heard.Store(l.conn.clock())
	command, err := command.Decode(withoutDelimiter(m.Frames))
	if err != nil {
		m.Release()
		return messaging.Errorf(messaging.Unavailable, "%s sent what is no command: %w", l.conn.endpoint, err)
	}
	switch k := command.Kind.(type) {
	case *mitterev1.Reply:
		return l.hand(k.GetCall(), answer{reply: k, body: command.Body, message: m})
	case *mitterev1.Item:
		return l.hand(k.GetCall(), answer{item: k, body: command.Body, message: m})
	case *mitterev1.Event:
		return l.hand(k.GetCall(), answer{event: k, body: command.Body, message: m})
	case *mitterev1.Waiting:
		return l.hand(k.GetCall(), answer{waiting: k, message: m})
	case *mitterev1.Accepted:
		return l.hand(k.GetCall(), answer{accepted: k, message: m})
	case *mitterev1.Drain:
		l.draining.Store(true)
		l.conn.drained()
	case *mitterev1.Disconnect:
		m.Release()
		l.settled.Store(k.GetRefused())
		return refusedBy(k)
	}
	m.Release() // a heartbeat, or something to ignore
	return nil
}

// hand gives an answer to the call that it is for, if that still waits. A server
// that sends more than it has credit for ends the session: it would have to be
// waited for.
func (l *link) hand(call uint64, a answer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.calls[call]
	if x == nil {
		a.message.Release()
		return nil
	}
	l.handed++
	if !x.put(a) {
		return messaging.Errorf(messaging.Unavailable, "%s sent more items of a stream than it had credit for", l.conn.endpoint)
	}
	return nil
}
