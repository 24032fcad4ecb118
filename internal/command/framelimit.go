package command

import (
	"errors"

	"github.com/mittere/mittere/messaging/message"
)

// FrameLimit is how many bytes the other end of a session takes in one frame, as its
// Hello or Welcome says; 0 is one that does not say. A longer frame would end the
// connection, and with it all other calls of the session.
type FrameLimit uint64

// ErrTooLarge is in the chain of the errors of frames that are too long for a peer.
var ErrTooLarge = errors.New("message too large")

// LeastFrameLimit is the least limit that a peer may have. An error of a call, or a
// heartbeat, always fits.
const LeastFrameLimit FrameLimit = 1024

// Valid reports whether a peer may have this limit.
func (l FrameLimit) Valid() bool { return l == 0 || l >= LeastFrameLimit }

// Check returns an error if one of frames is too long for a peer, which it names. The
// code is [message.ResourceExhausted], and errors.Is finds [ErrTooLarge].
func (l FrameLimit) Check(frames [][]byte, peer string) error {
	for _, frame := range frames {
		if l > 0 && uint64(len(frame)) > uint64(l) {
			return message.Errorf(message.ResourceExhausted, "%w: %d bytes, of which %s takes %d", ErrTooLarge, len(frame), peer, l)
		}
	}
	return nil
}
