package outbox

import "context"

// Message is an outbound message.
type Message interface {
	// Peer names the peer that it goes to on its socket.
	Peer() string
	// Send sends it.
	Send(context.Context) error
	// Size is about how many bytes it has.
	Size() int
	// Check returns why it can never be sent, nil if it can.
	Check() error
	// Keep returns what sends it later, when its sender may have changed it.
	Keep() func(context.Context) error
}

// Rank says for what a message finds room.
type Rank int

const (
	// Item is one message of a stream, which waits for room. Items leave at least half of
	// the bytes to other messages, and all of the replies of each peer.
	Item Rank = iota
	// Reply is an answer, for which there is no room where its peer reads nothing.
	Reply
	// Last is what a peer must not miss: the end of a stream, which its receiver would
	// wait for without end, an error, a step of a session.
	Last
)

// kept is a message that waits.
type kept struct {
	send func(context.Context) error
	size int
	rank Rank
}
