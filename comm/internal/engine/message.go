package engine

// Message is one ZeroMQ message: one or more frames that arrive together or
// not at all. A Message is a value; its frames are shared by its copies.
type Message struct {
	// Frames are the parts in order. A frame may be empty, a message not.
	Frames [][]byte

	owner Owner
	lease uint64
}

// Owner has the memory of received messages.
type Owner interface {
	// Release takes back what it gave out under this number. A message may be released
	// more than once, also by copies of it: only the first time counts. Frames are
	// those of the message then, which may be fewer than it was received with.
	Release(lease uint64, frames [][]byte)
}

// Received returns a message that an engine received, in memory that the owner gave out
// under this number. Without an owner the memory is the garbage collector's.
func Received(frames [][]byte, owner Owner, lease uint64) Message {
	return Message{Frames: frames, owner: owner, lease: lease}
}

// With returns a message of other frames in the same memory: some of its own, usually.
func (m Message) With(frames [][]byte) Message {
	m.Frames = frames
	return m
}

// Size returns the number of bytes in all frames.
func (m Message) Size() int {
	size := 0
	for _, frame := range m.Frames {
		size += len(frame)
	}
	return size
}

// Release gives the memory of a received message back. After it neither the
// frames nor anything that aliases them may be touched. Calling it is optional,
// since the garbage collector takes what is not released; calling it again does
// nothing, and neither does it on a message that was not received.
func (m Message) Release() {
	if m.owner != nil {
		m.owner.Release(m.lease, m.Frames)
	}
}

// poisonByte is what Poison leaves: no UTF-8 text, no valid first byte of an envelope.
const poisonByte = 0xdb

// Poison overwrites released frames, where [ContextConfig] says so, so that a test sees
// it when they are used after that.
func Poison(frames [][]byte) {
	for _, frame := range frames {
		for i := range frame {
			frame[i] = poisonByte
		}
	}
}

// ReadSubscription reads a message by which an XSUB subscribes, or ends that: one frame,
// 1 or 0 and the prefix. ok is false for any other message.
func ReadSubscription(frames [][]byte) (subscribes bool, prefix []byte, ok bool) {
	if len(frames) != 1 || len(frames[0]) == 0 || frames[0][0] > 1 {
		return false, nil, false
	}
	return frames[0][0] == 1, frames[0][1:], true
}
