package pirate

import (
	"slices"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// REQUEST goes from a client to the broker, and from the broker to a worker:
//
//	["", body...]                client, REQ
//	[body...]                    client, DEALER, as dīvidere's messaging layer
//	[address..., "", body...]    client behind others
//	[token, "", body...]         worker, RFC 6 and both layers of dīvidere
//	["", token, "", body...]     worker, Simple Pirate, as its REQ needs it
//
// (RFC 6, "Command Specifications".) Where a worker finds the client's address there is
// a token that names the request, so that a reply can go to no other client and to no
// other request.

// readRequest reads what a client sends.
func (c *client) readRequest(now time.Duration, frames [][]byte) ([]desk.Action, error) {
	stack, body := unwrap(frames)
	if len(body) == 0 {
		return nil, invalid("a request without a body")
	}
	c.calls++
	content := desk.Content{Body: body}
	for _, address := range stack {
		content.HeadSize += len(address) // which is kept as long as the request
	}
	// A reply is appended to the tag.
	return c.desk.Request(now, c.peer, &desk.Request{
		Call: c.calls, Tag: slices.Clip(stack), Service: c.service, Content: content,
	}), nil
}

// writeRequest returns a request for the worker.
func (w *worker) writeRequest(a desk.Deliver) [][]byte {
	w.delivery, w.old = a.Delivery, w.owed+1
	body := dialect.Frames(a.Request.Content)
	frames := make([][]byte, 0, 3+max(len(body), 1))
	if w.kind == simple {
		frames = append(frames, []byte{})
	}
	return appendBody(append(frames, []byte(w.desk.Token(a.Delivery)), []byte{}), body)
}
