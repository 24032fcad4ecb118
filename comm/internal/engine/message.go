package engine

// Message is one ZeroMQ message: one or more frames that arrive together or
// not at all. A Message is a value; its frames are shared by its copies.
type Message struct {
	// Frames are the parts in order. A frame may be empty, a message not.
	Frames [][]byte

	owner Owner
}

// Owner has the memory of received messages.
type Owner interface {
	// Release takes the memory of a message back. It is called once for each message
	// at most.
	Release(frames [][]byte)
}

// Received returns a message that an engine received, whose memory is of the owner.
func Received(frames [][]byte, owner Owner) Message {
	return Message{Frames: frames, owner: owner}
}

// Size returns the number of bytes in all frames.
func (m Message) Size() int {
	size := 0
	for _, frame := range m.Frames {
		size += len(frame)
	}
	return size
}

// With returns a message of other frames, or of some of them, in the same memory.
func (m Message) With(frames [][]byte) Message {
	return Message{Frames: frames, owner: m.owner}
}

// Release gives the memory of a received message back. After it neither the
// frames nor anything that aliases them may be touched. Calling it is optional,
// since the garbage collector takes what is not released, and legal once for
// each message received. On a message that was not received it does nothing.
func (m Message) Release() {
	if m.owner != nil {
		m.owner.Release(m.Frames)
	}
}
