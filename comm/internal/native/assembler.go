package native

import (
	"github.com/mittere/mittere/comm/internal/engine"
)

// assembler makes messages of the frames of one peer. Small frames are copied into blocks
// that several messages share, so that there are few, and none keeps much of others in
// memory.
type assembler struct {
	socket *socket
	peer   *peer

	whole    []item   // the messages that are complete
	parts    [][]byte // of the one that is not
	frames   int      // that one's
	dropping bool     // its rest is dropped
	tooMany  bool     // because it has too many frames

	rest   int      // what else was read and may be copied soon
	block  []byte   // room for frames
	header [][]byte // room for lists of frames
}

// The sizes of blocks.
const (
	blockSize  = 4 << 10 // bytes
	headerSize = 64      // frames
)

func (a *assembler) init(s *socket, p *peer) { a.socket, a.peer = s, p }

// clear forgets the messages that are complete.
func (a *assembler) clear() {
	clear(a.whole)
	if cap(a.whole) > largeSlab/64 {
		a.whole = nil
	}
	a.whole, a.block, a.header = a.whole[:0], nil, nil
}

// add adds a frame. own says that its memory may be kept.
func (a *assembler) add(body []byte, more, own bool) error {
	s := a.socket
	if a.frames == 0 {
		a.begin(body)
	}
	if a.frames++; a.frames > s.mostFrames() {
		a.dropping, a.tooMany, a.parts = true, true, a.parts[:0]
	}
	if !a.dropping {
		if !own {
			body = a.copy(body)
		}
		a.parts = append(a.parts, body)
	}
	if more {
		return nil
	}
	return a.end()
}

// begin begins a message, whose first frame decides whether it is wanted.
func (a *assembler) begin(first []byte) {
	a.dropping, a.tooMany, a.parts = !a.socket.wants(first), false, a.parts[:0]
	if a.socket.config.Pattern == engine.Router && !a.dropping {
		a.parts = append(a.parts, a.copy([]byte(a.peer.handle.id)))
	}
}

// end ends a message.
func (a *assembler) end() error {
	a.frames = 0
	if cap(a.parts) > headerSize {
		defer func() { a.parts = nil }() // few messages have so many
	}
	switch {
	case a.tooMany:
		a.socket.counters.Refused.Add(1)
		a.whole = append(a.whole, item{wrong: engine.TooManyFrames("receive", a.socket.config.MaxFrames)})
		return nil
	case a.dropping:
		return nil
	}
	if a.socket.publishes() {
		if subscribes, prefix, ok := engine.ReadSubscription(a.parts); ok {
			return a.subscribe(subscribes, prefix)
		}
	}
	if !a.socket.receives() {
		a.socket.counters.Unexpected.Add(1)
		return nil
	}
	a.whole = append(a.whole, a.socket.received(a.list()))
	return nil
}

// subscribe does what a peer asked for. An XPUB's user is told of it behind the messages
// that came before.
func (a *assembler) subscribe(subscribes bool, prefix []byte) error {
	if !a.socket.publishes() {
		return nil
	}
	if len(a.whole) > 0 {
		a.socket.in.push(&a.peer.in, a.whole...)
		clear(a.whole)
		a.whole = a.whole[:0]
	}
	return a.socket.subscribed(a.peer, subscribes, prefix)
}

// subscriptionFrames returns the frames by which an XPUB tells its user of a
// subscription.
func subscriptionFrames(subscribes bool, prefix string) [][]byte {
	first := byte(boolToInt(subscribes))
	return [][]byte{append([]byte{first}, prefix...)}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// copy returns a copy of a frame.
func (a *assembler) copy(frame []byte) []byte {
	n := len(frame)
	if n > blockSize/4 {
		return append([]byte(nil), frame...)
	}
	if len(a.block) < n || a.block == nil {
		a.block = make([]byte, min(blockSize, n+a.rest))
	}
	copied := a.block[:n:n]
	a.block = a.block[n:]
	copy(copied, frame)
	return copied
}

// list returns the frames of the message in a list of their own.
func (a *assembler) list() [][]byte {
	n := len(a.parts)
	if n > headerSize/2 {
		return append(make([][]byte, 0, n), a.parts...)
	}
	if len(a.header) < n {
		a.header = make([][]byte, max(n, min(headerSize, n*a.rest/32)))
	}
	list := a.header[:n:n]
	a.header = a.header[n:]
	copy(list, a.parts)
	clear(a.parts)
	return list
}
