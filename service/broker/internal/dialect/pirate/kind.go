package pirate

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mittere/mittere/messaging/message"
)

// kind is which heartbeat a worker speaks. Its first message tells.
type kind int

const (
	// unknown is of workers that have not told.
	unknown kind = iota
	// paranoid workers say 01 and 02: RFC 6, and dīvidere's connection layer.
	paranoid
	// worded workers say READY and HEARTBEAT in letters, as the guide's in C++, C#, Lua and
	// PHP.
	worded
	// enveloped workers say dīvidere's Heartbeat: its messaging layer.
	enveloped
	// simple workers are REQ sockets, which cannot say anything but READY and
	// replies: the guide's Simple Pirate.
	simple
)

// heartbeat returns the frames of a heartbeat of the broker, nil if the kind has none.
func (k kind) heartbeat(routingID string) [][]byte {
	switch k {
	case paranoid:
		return [][]byte{[]byte(heartbeatFrame)}
	case worded:
		return [][]byte{[]byte(heartbeatWord)}
	case enveloped:
		return [][]byte{heartbeatOf(routingID)}
	default:
		return nil
	}
}

// simpleProbe returns the frames of what finds out whether a Simple Pirate is there, and
// is otherwise nothing to it.
//
// A REQ discards what it is not waiting for. libzmq's ends the connection if a message
// has no empty frame in front, but for one of four bytes before that, where a request's
// number may be (ZMQ_REQ_CORRELATE): this is such a message.
func simpleProbe() [][]byte { return [][]byte{make([]byte, 4), {}, {}} }

// heartbeatType is the name of dīvidere's message, which has no package:
//
//	message Heartbeat { string id = 1; }
const heartbeatType = "Heartbeat"

// isHeartbeat reports whether a frame is an envelope of a Heartbeat. What is in that
// says no more than the worker's routing id.
func isHeartbeat(frame []byte) bool {
	e, err := message.Decode(frame)
	return err == nil && e.Type == heartbeatType
}

// heartbeatOf returns an envelope of a Heartbeat that has, as dīvidere's broker writes
// it, the routing id of the worker; none if that is not text.
func heartbeatOf(routingID string) []byte {
	e := message.Envelope{Type: heartbeatType}
	if utf8.ValidString(routingID) {
		e.Body = protowire.AppendTag(e.Body, 1, protowire.BytesType)
		e.Body = protowire.AppendString(e.Body, routingID)
	}
	return e.Append(nil)
}
