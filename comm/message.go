package comm

// Message is one ZeroMQ message: one or more frames that arrive together or
// not at all. A Message is a value; its frames are shared by its copies.
type Message struct {
	// Frames are the parts in order. A frame may be empty, a message not.
	Frames [][]byte

	poison bool
}

// NewMessage returns a message of these frames. It copies nothing.
func NewMessage(frames ...[]byte) Message {
	return Message{Frames: frames}
}

// Release gives the memory of a received message back. After it neither the
// frames nor anything that aliases them may be touched. Calling it is optional,
// since the garbage collector takes what is not released, and legal once for
// each message received. On a message that was not received it does nothing.
func (m Message) Release() {
	if !m.poison {
		return
	}
	for _, frame := range m.Frames {
		for i := range frame {
			frame[i] = poisonByte
		}
	}
}

// poisonByte is what WithPoison leaves in released frames: no UTF-8 text, no
// valid first byte of an envelope.
const poisonByte = 0xdb

// Size returns the number of bytes in all frames.
func (m Message) Size() int {
	size := 0
	for _, frame := range m.Frames {
		size += len(frame)
	}
	return size
}
