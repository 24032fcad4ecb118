package pirate

import (
	"slices"

	"github.com/mittere/mittere/messaging/message"
)

// unwrap splits what a client sent into the address stack, with the empty frame that
// ends it, and the body (RFC 6, "Command Specifications"). A REQ has the empty frame
// alone; a DEALER may have no stack at all, and then nothing empty in its body.
func unwrap(frames [][]byte) (stack, body [][]byte) {
	i := slices.IndexFunc(frames, func(frame []byte) bool { return len(frame) == 0 })
	return frames[:i+1], frames[i+1:]
}

// appendBody appends a body of at least one frame.
func appendBody(frames, body [][]byte) [][]byte {
	if len(body) == 0 {
		return append(frames, []byte{})
	}
	return append(frames, body...)
}

// verb is what a worker says.
type verb int

const (
	none verb = iota // of the protocol
	ready
	heartbeat
	reply
)

// The commands of one frame (RFC 6, "Command Specifications"). Those of dīvidere's
// connection layer are the same: ServerRegisterMsg and HeartbeatMsg.
const (
	readyFrame     = "\x01"
	heartbeatFrame = "\x02"
)

// The same in letters, as the guide's pirates in C++, C#, Lua and PHP have them.
const (
	readyWord     = "READY"
	heartbeatWord = "HEARTBEAT"
)

// inbound is what a worker sent.
type inbound struct {
	kind    kind // of whom says it; unknown if several do
	command verb
	rest    [][]byte // of a reply, beginning with the token: at least two frames
}

// parse reads what a worker sent: one frame is a command, more are a reply. Only a REQ,
// the socket of Simple Pirates, has an empty frame in front.
func parse(frames [][]byte) inbound {
	m := inbound{}
	if len(frames) > 1 && len(frames[0]) == 0 {
		m.kind, frames = simple, frames[1:]
	}
	switch {
	case len(frames) == 0 || len(frames[0]) == 0:
	case len(frames) > 1:
		m.command, m.rest = reply, frames
	case m.kind == simple:
		m.command, _ = commandOf(frames[0])
		if m.command != ready {
			m.command = none // a REQ has no heartbeat
		}
	default:
		m.command, m.kind = commandOf(frames[0])
	}
	return m
}

// commandOf returns what a frame says, and which kind of workers says it so.
func commandOf(frame []byte) (verb, kind) {
	switch string(frame) {
	case readyFrame:
		return ready, paranoid
	case heartbeatFrame:
		return heartbeat, paranoid
	case readyWord:
		return ready, worded
	case heartbeatWord:
		return heartbeat, worded
	}
	if isHeartbeat(frame) {
		return heartbeat, enveloped
	}
	return none, unknown
}

// invalid returns the error of a message that is not of the protocol.
func invalid(format string, args ...any) error {
	return message.Errorf(message.InvalidArgument, format, args...)
}
