package native

import (
	"sync/atomic"

	"github.com/mittere/mittere/comm/internal/engine"
)

// pipe is the link to a peer of the same context: it puts messages into the queue that
// the other socket receives from. The bound is the sum of those of both ends, as with
// libzmq.
type pipe struct {
	to   *socket
	far  *peer       // what the sender is to the other socket
	open atomic.Bool // there is no room before
}

// newPipe returns two peers that are each other's: near is what b is to a, far what a is
// to b.
func newPipe(a, b *socket) (near, far *peer) {
	most := a.config.HighWaterMark + b.config.HighWaterMark
	near, far = newPeer(most), newPeer(most)
	near.link, far.link = newPipeEnd(b, far), newPipeEnd(a, near)
	near.in.resume = func() { b.makeRoom(far) }
	far.in.resume = func() { a.makeRoom(near) }
	return near, far
}

// newPipeEnd returns the link to a socket at which the sender is far. It opens when both
// sockets have admitted their peers: a ROUTER puts the routing id in front that far gets
// then. A subscriber gets messages as soon as it has told what it wants.
func newPipeEnd(to *socket, far *peer) *pipe {
	p := &pipe{to: to, far: far}
	_, subscribes := to.pattern.(*subscribing)
	p.open.Store(subscribes)
	return p
}

func (p *pipe) put(frames [][]byte) (ok, more bool) {
	if !p.room() {
		return false, false
	}
	message, wanted := p.receive(frames)
	if !wanted {
		return true, true
	}
	return true, p.to.in.push(&p.far.in, message) > 0
}

func (p *pipe) putEncoded(frames [][]byte, _ []byte) (ok, more bool) { return p.put(frames) }

// room says whether there is room. Only the sender fills the queue, so that it stays.
func (p *pipe) room() bool { return p.open.Load() && p.to.in.push(&p.far.in) > 0 }

// openPipe lets messages through to a peer, which both sockets have admitted.
func (s *socket) openPipe(to *peer) {
	to.link.(*pipe).open.Store(true)
	s.makeRoom(to)
}

// receive returns a message as the other socket receives it, if it does.
func (p *pipe) receive(frames [][]byte) (m item, wanted bool) {
	if !p.to.wants(frames[0]) {
		return item{}, false
	}
	if subscribes, prefix, ok := engine.ReadSubscription(frames); ok && p.to.publishes() {
		p.tell(subscribes, prefix)
		return item{}, false
	}
	if !p.to.receives() {
		p.to.counters.Unexpected.Add(1)
		return item{}, false
	}
	if err := p.to.refuses(frames); err != nil {
		p.to.counters.Refused.Add(1)
		return item{wrong: err}, true
	}
	if p.to.config.Pattern == engine.Router {
		return p.to.received(copyFrames([]byte(p.far.handle.id), frames)), true
	}
	return p.to.received(copyFrames(nil, frames)), true
}

// mostFrames returns how many frames a peer's message may have: what a ROUTER puts in front
// counts too.
func (s *socket) mostFrames() int {
	if s.config.Pattern == engine.Router {
		return s.config.MaxFrames - 1
	}
	return s.config.MaxFrames
}

// refuses says what is wrong with the size of a message.
func (s *socket) refuses(frames [][]byte) *engine.Error {
	if len(frames) > s.mostFrames() {
		return engine.TooManyFrames("receive", s.config.MaxFrames)
	}
	for _, frame := range frames {
		if len(frame) > s.config.MaxFrameSize {
			return engine.FrameTooLarge("receive", len(frame), s.config.MaxFrameSize)
		}
	}
	return nil
}

// copyFrames returns copies of frames in one block, with an id in front unless it is nil.
func copyFrames(id []byte, frames [][]byte) [][]byte {
	size := len(id)
	for _, frame := range frames {
		size += len(frame)
	}
	block, list := make([]byte, 0, size), make([][]byte, 0, 1+len(frames))
	add := func(frame []byte) {
		block = append(block, frame...)
		list = append(list, block[len(block)-len(frame):len(block):len(block)])
	}
	if id != nil {
		add(id)
	}
	for _, frame := range frames {
		add(frame)
	}
	return list
}

// tell has the other socket know of a subscription. Its sendMu is taken while that of the
// subscriber is held.
func (p *pipe) tell(subscribes bool, prefix []byte) { _ = p.to.subscribed(p.far, subscribes, prefix) }

func (*pipe) flush()  {}
func (*pipe) soon()   {}
func (*pipe) finish() {}

// cut ends the link: the other end loses its peer. Whose peer is replaced loses it thus.
func (p *pipe) cut() { p.to.dismiss(p.far) }
