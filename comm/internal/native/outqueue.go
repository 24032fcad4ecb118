package native

import (
	"slices"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// outqueue is what waits to be written to a peer: whole messages, as frames in the
// clear, in chunks of many small ones or one large one each. Beside them wait commands
// for the connection of the moment, which go first. It is pure state.
type outqueue struct {
	chunks   ring[chunk]
	messages int // in chunks and in writing
	bytes    int // likewise

	writing chunk // what is being written
	written int   // of that
	sealed  bool  // whether that is encrypted

	commands []byte
	pong     [zmtp.MaxPingContext]byte // the context of the latest PING that waits for its answer
	pongSize int                       // -1 if there is none
}

// chunk is bytes to be written. Those without messages are commands.
type chunk struct {
	data     []byte
	messages int
	charged  int   // the bytes of the messages in the clear
	slab     *slab // that data is in; nil if it is the garbage collector's
}

// newOutqueue returns an empty queue.
func newOutqueue() outqueue { return outqueue{pongSize: -1} }

// ownChunk is the size of a message that gets a chunk of its own.
const ownChunk = largeSlab / 2

// put appends a message. It copies the frames.
func (q *outqueue) put(frames [][]byte) {
	size := encodedSize(frames)
	c := q.room(size)
	c.data = appendMessage(c.data, frames)
	q.charge(c, size)
}

// putEncoded appends a message that is encoded already and shared with other queues:
// nobody may write to it any more.
func (q *outqueue) putEncoded(message []byte) {
	if len(message) >= ownChunk {
		q.chunks.push(chunk{data: message[:len(message):len(message)]})
	} else {
		c := q.room(len(message))
		c.data = append(c.data, message...)
	}
	q.charge(q.chunks.last(), len(message))
}

// charge counts a message of size bytes in a chunk.
func (q *outqueue) charge(c *chunk, size int) {
	c.messages++
	c.charged += size
	q.messages++
	q.bytes += size
}

// room returns a chunk that has room for size bytes.
func (q *outqueue) room(size int) *chunk {
	if n := q.chunks.len(); n > 0 {
		if last := q.chunks.last(); cap(last.data)-len(last.data) >= size {
			return last
		}
	}
	if size >= ownChunk {
		q.chunks.push(chunk{data: make([]byte, 0, size)})
		return q.chunks.last()
	}
	s := newSlab(size > smallSlab || q.chunks.len() > 0)
	q.chunks.push(chunk{data: s.data[:0], slab: s})
	return q.chunks.last()
}

// encodedSize returns the bytes of a message on the wire.
func encodedSize(frames [][]byte) int {
	size := 0
	for _, frame := range frames {
		size += zmtp.PartSize(len(frame))
	}
	return size
}

// appendMessage appends a message as it is on the wire.
func appendMessage(dst []byte, frames [][]byte) []byte {
	for i, frame := range frames {
		dst = zmtp.AppendPart(dst, frame, i < len(frames)-1)
	}
	return dst
}

// answer has a PING answered. Only the latest counts: who sends PINGs faster than it
// reads gets fewer answers.
func (q *outqueue) answer(context []byte) { q.pongSize = copy(q.pong[:], context) }

// take returns the bytes to write next, nil if there are none. They stay valid until
// [outqueue.wrote] says that all are written. s is nil if they go in the clear.
func (q *outqueue) take(s *zmtp.Sealer) []byte {
	if q.written < len(q.writing.data) {
		return q.writing.data[q.written:]
	}
	switch {
	case q.pongSize >= 0 || len(q.commands) > 0:
		q.writing = chunk{data: q.takeCommands()}
	case q.chunks.len() > 0:
		q.writing = q.chunks.pop()
	default:
		return nil
	}
	if s != nil {
		q.seal(s)
	}
	return q.writing.data
}

func (q *outqueue) takeCommands() []byte {
	commands := q.commands
	q.commands = nil
	if q.pongSize >= 0 {
		commands = zmtp.AppendPong(commands, q.pong[:q.pongSize])
		q.pongSize = -1
	}
	return commands
}

// seal encrypts what is about to be written. That can be written once, to the
// connection whose sealer this is.
func (q *outqueue) seal(s *zmtp.Sealer) {
	clear := q.writing.data
	if q.writing.messages > 0 && q.writing.slab == nil {
		clear = slices.Clone(clear) // it may be shared, and Seal writes over it
	}
	q.writing.data, q.sealed = s.Seal(nil, clear), true
	if q.writing.slab != nil {
		q.writing.slab.free()
		q.writing.slab = nil
	}
}

// wrote notes that n more bytes of what take returned are written.
func (q *outqueue) wrote(n int) {
	if q.written += n; q.written == len(q.writing.data) {
		q.finish()
	}
}

// finish forgets what was being written.
func (q *outqueue) finish() {
	q.messages -= q.writing.messages
	q.bytes -= q.writing.charged
	if q.writing.slab != nil {
		q.writing.slab.free()
	}
	q.writing, q.written, q.sealed = chunk{}, 0, false
}

// disconnect makes the queue ready for another connection: the messages that were not
// begun stay, in order. What is gone are commands, a message that was written in part,
// and what was encrypted for the old connection.
func (q *outqueue) disconnect() {
	q.commands, q.pongSize = nil, -1
	rest := slices.Clone(q.unbegun())
	q.finish()
	if len(rest) == 0 {
		return
	}
	kept := chunk{data: rest, messages: countMessages(rest), charged: len(rest)}
	q.chunks.pushFront(kept)
	q.messages += kept.messages
	q.bytes += kept.charged
}

// unbegun returns the messages in the chunk that is being written of which nothing was.
func (q *outqueue) unbegun() []byte {
	if q.writing.messages == 0 || q.sealed {
		return nil
	}
	rest, at := q.writing.data, 0
	for at < q.written {
		n := messageSize(rest)
		rest, at = rest[n:], at+n
	}
	return rest
}

// messageSize returns the bytes of the message at the front of b, which is whole.
func messageSize(b []byte) int {
	for at := 0; ; {
		n, more := zmtp.PeekFrame(b[at:])
		if at += n; !more {
			return at
		}
	}
}

func countMessages(b []byte) (n int) {
	for ; len(b) > 0; n++ {
		b = b[messageSize(b):]
	}
	return n
}

// clear drops all.
func (q *outqueue) clear() {
	q.finish()
	for q.chunks.len() > 0 {
		if c := q.chunks.pop(); c.slab != nil {
			c.slab.free()
		}
	}
	*q = newOutqueue()
}

// empty says whether nothing is left to write.
func (q *outqueue) empty() bool {
	return len(q.writing.data) == 0 && q.chunks.len() == 0 && len(q.commands) == 0 && q.pongSize < 0
}
