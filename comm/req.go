package comm

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
)

// Req sends requests and matches the replies, any number of them at once. It
// follows dīvidere's connection.Request, without its lock step: it is a DEALER
// that writes [id, "", body...], which any REP or [Rep] answers, so
// that a late reply is dropped by its id and nothing can be stuck. Requests go to
// the connected peers in turn.
type Req struct {
	*Socket
	reading chan struct{}           // holds a token; its holder receives for all
	batch   [replyBatch]Message     // belongs to the reading caller
	mu      sync.Mutex              // guards what follows
	waiting map[uint64]chan Message // one place each
	last    uint64
}

// replyBatch is how many replies are received at once.
const replyBatch = 64

// NewReq returns a request socket at these endpoints, to which it connects.
func NewReq(zctx *Context, endpoints string, options ...Option) (*Req, error) {
	s, err := newSocket(zctx, KindReq, endpoints, options)
	if err != nil {
		return nil, err
	}
	r := &Req{Socket: s, reading: make(chan struct{}, 1), waiting: map[uint64]chan Message{}}
	r.reading <- struct{}{}
	return r, nil
}

// Do sends a request and waits for its reply until ctx ends. While nobody is
// connected, or all peers are full, it waits to send. When it fails, the request
// may or may not have been executed, unless nobody was connected. The frames are
// copied; the reply is the caller's until it is released.
func (r *Req) Do(ctx context.Context, body ...[]byte) (Message, error) {
	id, reply := r.expect()
	defer r.forget(id)
	frames := make([][]byte, 0, 2+len(body))
	frames = append(frames, binary.BigEndian.AppendUint64(nil, id), nil)
	if err := (Sender{r.Socket}).Send(ctx, NewMessage(append(frames, body...)...)); err != nil {
		return Message{}, err
	}
	return r.await(ctx, reply)
}

// expect makes a place for a reply.
func (r *Req) expect() (uint64, chan Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	reply := make(chan Message, 1)
	r.waiting[r.last] = reply
	return r.last, reply
}

// forget takes the place away; a reply that comes later is dropped.
func (r *Req) forget(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, id)
}

// await returns the reply. One of the waiting callers reads the socket for all of
// them; when it has its own reply, the next takes over. So a Req has no
// goroutine, and a single caller reads its reply itself.
func (r *Req) await(ctx context.Context, reply chan Message) (Message, error) {
	select {
	case m := <-reply:
		return m, nil
	case <-ctx.Done():
		return Message{}, ended(ctx, "receive")
	case <-r.reading:
	}
	defer func() { r.reading <- struct{}{} }()
	select {
	case m := <-reply: // who read before delivered it
		return m, nil
	default:
	}
	for {
		n, err := Receiver{r.Socket}.RecvBatch(ctx, r.batch[:])
		for i, m := range r.batch[:n] {
			r.deliver(m)
			r.batch[i] = Message{}
		}
		select {
		case m := <-reply:
			return m, nil
		default:
		}
		if err != nil && !errors.Is(err, TooLarge) {
			return Message{}, err
		}
	}
}

// deliver hands a reply to the caller that waits for it.
func (r *Req) deliver(m Message) {
	id, body, ok := splitReply(m.Frames)
	if !ok || !r.resolve(id, m.With(body)) {
		r.counters.Unexpected.Add(1)
		m.Release()
	}
}

// splitReply tells the number of the request from the reply; an empty frame stands
// between them.
func splitReply(frames [][]byte) (id uint64, body [][]byte, ok bool) {
	if len(frames) < 2 || len(frames[0]) != 8 || len(frames[1]) != 0 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(frames[0]), frames[2:], true
}

// resolve reports whether somebody waited for the reply.
func (r *Req) resolve(id uint64, reply Message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	place, waited := r.waiting[id]
	if !waited {
		return false
	}
	delete(r.waiting, id)
	place <- reply // has room: it is sent to once
	return true
}
