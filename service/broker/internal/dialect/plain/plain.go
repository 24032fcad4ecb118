package plain

import (
	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// plain is the dialect.
type plain struct{}

// New returns the dialect. It is pure.
//
// A dialect may be used concurrently; its speakers belong to the loop of their desk.
func New() dialect.Dialect { return plain{} }

// Name returns "plain".
func (plain) Name() string { return "plain" }

// envelopeHead is how an envelope begins: with field 1, the name of its type.
const envelopeHead = 0x0a

// Speaks reports whether a message ends in a frame that begins as an envelope does,
// alone or right behind the first empty frame. What follows may be wrong. A message of
// another protocol may happen to be such a one, so that those with a signature are asked
// first.
func (plain) Speaks(frames [][]byte) bool {
	_, body := split(frames)
	return len(body) == 1 && len(body[0]) > 0 && body[0][0] == envelopeHead
}

// Kind returns the name of the type of the message.
func (plain) Kind(frames [][]byte) string {
	_, body := split(frames)
	if len(body) != 1 {
		return "unknown"
	}
	e, err := message.Decode(body[0])
	if err != nil {
		return "unknown"
	}
	return e.Type
}

// Open returns the speaker of a new peer, which is a client.
func (plain) Open(d *desk.Desk, peer desk.Peer) dialect.Speaker {
	return &speaker{desk: d, peer: peer}
}

// split splits a message into its route, which ends in an empty frame, and what is
// behind that. Without an empty frame there is no route but the peer itself.
func split(frames [][]byte) (route, body [][]byte) {
	route, body = message.SplitRoute(frames)
	if len(route) > 0 && len(route[len(route)-1]) > 0 {
		return nil, frames
	}
	return route, body
}
