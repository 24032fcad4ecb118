package pirate

import (
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// client is one peer of the front socket.
type client struct {
	*front
	desk *desk.Desk
	peer desk.Peer

	calls uint64 // that it made
}

// Read takes a message of the client, which is a request.
func (c *client) Read(now time.Duration, frames [][]byte) (actions []desk.Action, answers [][][]byte, err error) {
	actions, err = c.readRequest(now, frames)
	return actions, nil, err
}

// Write returns the frames of an action for the client. There is one reply to each
// request (RFC 6, "Roles"), so that those before the last one are not sent.
func (c *client) Write(action desk.Action) [][]byte {
	if a, ok := action.(desk.Reply); ok {
		return c.writeReply(a)
	}
	return nil
}

// Idle reports whether the client waits for nothing.
func (c *client) Idle() bool { return !c.desk.Waits(c.peer) }
