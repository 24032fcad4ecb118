package comm

import "github.com/mittere/mittere/comm/internal/engine"

// Message is one ZeroMQ message: one or more Frames that arrive together or not at all.
// A frame may be empty, a message not. A Message is a value; its frames are shared by
// its copies.
//
// Size returns the number of bytes in all frames. Release gives the memory of a received
// message back: after it neither the frames nor anything that aliases them may be
// touched. Calling it is optional, since the garbage collector takes what is not
// released; calling it again does nothing, and neither does it on a message that was not
// received.
type Message = engine.Message

// NewMessage returns a message of these frames. It copies nothing.
func NewMessage(frames ...[]byte) Message {
	return Message{Frames: frames}
}
