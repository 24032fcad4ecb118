package zmtp

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
)

// The names of commands (RFC 37, "Commands").
const (
	nameReady     = "READY"
	nameError     = "ERROR"
	namePing      = "PING"
	namePong      = "PONG"
	nameSubscribe = "SUBSCRIBE"
	nameCancel    = "CANCEL"
	nameHello     = "HELLO"
	nameWelcome   = "WELCOME"
	nameInitiate  = "INITIATE"
	nameMessage   = "MESSAGE"
)

// MaxPingContext is the most bytes that a PING carries for its PONG.
const MaxPingContext = 16

// MaxTTL is the longest time to live that AppendPing writes. Above it libzmq
// overflows and closes the connection early.
const MaxTTL = 65500 * time.Millisecond

// ttlUnit is the unit of a PING's time to live.
const ttlUnit = 100 * time.Millisecond

// AppendPing appends a PING. ttl is how long the peer may hear nothing before it
// closes the connection; 0 leaves that to the peer. It is cut to tenths of a
// second and to [MaxTTL], the context to [MaxPingContext].
func AppendPing(dst []byte, ttl time.Duration, context []byte) []byte {
	tenths := uint16(min(max(ttl, 0), MaxTTL) / ttlUnit)
	context = context[:min(len(context), MaxPingContext)]
	dst = appendCommandHeader(dst, namePing, 2+len(context))
	return append(binary.BigEndian.AppendUint16(dst, tenths), context...)
}

// AppendPong appends the answer to a PING of this context.
func AppendPong(dst, context []byte) []byte { return appendCommand(dst, namePong, context) }

// AppendSubscribe appends a subscription to messages whose first part begins
// with prefix. minor is the peer's version: a peer of 3.0 knows no command for
// it and gets a message.
func AppendSubscribe(dst []byte, minor byte, prefix []byte) []byte {
	if minor == 0 {
		return appendSubscriptionMessage(dst, 1, prefix)
	}
	return appendCommand(dst, nameSubscribe, prefix)
}

// AppendCancel appends the end of a subscription, as [AppendSubscribe] began it.
func AppendCancel(dst []byte, minor byte, prefix []byte) []byte {
	if minor == 0 {
		return appendSubscriptionMessage(dst, 0, prefix)
	}
	return appendCommand(dst, nameCancel, prefix)
}

func appendSubscriptionMessage(dst []byte, first byte, prefix []byte) []byte {
	dst = append(AppendPartHeader(dst, 1+len(prefix), false), first)
	return append(dst, prefix...)
}

// appendError appends an ERROR, which ends a libzmq peer's tries for good.
func appendError(dst []byte, reason string) []byte {
	reason = reason[:min(len(reason), math.MaxUint8)]
	dst = append(appendCommandHeader(dst, nameError, 1+len(reason)), byte(len(reason)))
	return append(dst, reason...)
}

func appendCommand(dst []byte, name string, data []byte) []byte {
	return append(appendCommandHeader(dst, name, len(data)), data...)
}

// appendCommandHeader appends a command up to its data, of size bytes.
func appendCommandHeader(dst []byte, name string, size int) []byte {
	dst = append(appendHeader(dst, flagCommand, 1+len(name)+size), byte(len(name)))
	return append(dst, name...)
}

// parseCommand splits the body of a command.
func parseCommand(body []byte) (name, data []byte, err error) {
	if len(body) == 0 {
		return nil, nil, fail(Malformed, "an empty command")
	}
	n := int(body[0])
	if n == 0 || 1+n > len(body) {
		return nil, nil, fail(Malformed, "a command whose name ends behind it")
	}
	return body[1 : 1+n], body[1+n:], nil
}

// parsePing splits the data of a PING.
func parsePing(data []byte) (ttl time.Duration, context []byte, err error) {
	if len(data) < 2 || len(data) > 2+MaxPingContext {
		return 0, nil, fail(Malformed, "a PING of %d bytes", len(data))
	}
	return time.Duration(binary.BigEndian.Uint16(data)) * ttlUnit, data[2:], nil
}

// refusal is the error of an ERROR.
func refusal(data []byte) error {
	reason, rest, ok := cutShort(data)
	if !ok || len(rest) > 0 {
		return fail(Malformed, "an ERROR without its reason")
	}
	return fail(Refused, "ERROR %q", reason)
}

// mendError returns the body of a command with the name that was meant. libzmq
// 4.3.5 as a PLAIN server writes the name of ERROR with its length and first
// letter run into one byte.
func mendError(body []byte) []byte {
	const written, meant = "\x5eRROR", "\x05ERROR"
	if rest, ok := bytes.CutPrefix(body, []byte(written)); ok {
		return append([]byte(meant), rest...)
	}
	return body
}

// cutShort takes a string behind its length of one byte off the front of b.
func cutShort(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 || int(b[0]) > len(b)-1 {
		return nil, nil, false
	}
	n := 1 + int(b[0])
	return b[1:n], b[n:], true
}
