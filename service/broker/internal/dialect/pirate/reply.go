package pirate

import (
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// REPLY ends a request, with what was in front of the request in front:
//
//	[token, "", body...]         worker, RFC 6 and both layers of dīvidere
//	["", token, "", body...]     worker, Simple Pirate, as its REQ sends it
//	["", body...]                client, REQ
//	[body...]                    client, DEALER, as dīvidere's messaging layer
//	[address..., "", body...]    client behind others
//
// (RFC 6, "Command Specifications".)

// readReply reads an answer, which begins with the token. The empty frame behind that
// is not missed where there is none. A body of no frames is one empty frame.
//
// An answer of a worker that is not registered comes too late, or from before the
// broker began; then the worker is free, and says so by this, as with the guide's queue.
func (w *worker) readReply(now time.Duration, frames [][]byte) []desk.Action {
	delivery, body := uint64(0), frames[1:]
	if len(frames[0]) <= longestToken {
		delivery = w.desk.Delivery(string(frames[0]))
	}
	if len(body[0]) == 0 {
		body = body[1:]
	}
	if delivery == w.delivery {
		w.delivery = 0
	}
	known := w.desk.Registered(w.peer)
	actions := w.desk.Reply(now, w.peer, delivery, desk.Answer{Content: desk.Content{Body: body}})
	if known || w.barred {
		return actions
	}
	return append(slices.Clone(actions), w.register(now)...)
}

// longestToken bounds what is looked at as a token, in bytes: an epoch, a dash and 20
// digits are less.
const longestToken = 512

// writeReply returns an answer for the client. The RFC has no errors: one is a body of
// one frame, an envelope of mittere.v1.Status; but a request that expired, as it does
// if its service has no worker, has no answer, so that the client tries again.
func (c *client) writeReply(a desk.Reply) [][]byte {
	stack, _ := a.Tag.([][]byte)
	switch status := a.Answer.Status; {
	case status == nil:
		return appendBody(stack, dialect.Frames(a.Answer.Content))
	case status.GetCode() == mitterev1.Code_CODE_DEADLINE_EXCEEDED:
		return nil
	default:
		return append(stack, dialect.StatusFrame(status))
	}
}
