package majordomo

import (
	"unicode"
	"unicode/utf8"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// Version is a version of the protocol.
type Version int

const (
	// V1 is MDP/0.1 (RFC 7), which most systems speak. It is the default.
	V1 Version = 1
	// V2 is MDP/0.2 (RFC 18), where a request may have PARTIAL replies before the FINAL
	// one. It does not work with a broker that speaks MDP/0.1 alone.
	V2 Version = 2
)

// String returns the version's name in the RFCs.
func (v Version) String() string {
	switch v {
	case V1:
		return "MDP/0.1"
	case V2:
		return "MDP/0.2"
	default:
		return "unknown version of MDP"
	}
}

// valid reports whether the version is known.
func (v Version) valid() bool { return v == V1 || v == V2 }

// kind is what a command of a worker's says, whatever its byte in the version.
type kind int

const (
	ready kind = iota
	request
	partial
	final // which MDP/0.1 calls REPLY
	heartbeat
	disconnect
)

// commands returns the bytes of a worker's commands (RFC 7 and RFC 18, "MDP/Worker"),
// 0 for those that the version does not have.
func (v Version) commands() [6]byte {
	if v == V1 {
		return [6]byte{ready: 0x01, request: 0x02, final: 0x03, heartbeat: 0x04, disconnect: 0x05}
	}
	return [6]byte{ready: 0x01, request: 0x02, partial: 0x03, final: 0x04, heartbeat: 0x05, disconnect: 0x06}
}

// The commands of clients in MDP/0.2 (RFC 18, "MDP/Client"). MDP/0.1 has none.
const (
	clientRequest = "\x01"
	clientPartial = "\x02"
	clientFinal   = "\x03"
)

// front returns the frames that a message begins with: MDP/0.1 has an empty one before
// the header, as a REQ socket writes it.
func (v Version) front(of1, of2 string) [][]byte {
	if v == V1 {
		return [][]byte{{}, []byte(of1)}
	}
	return [][]byte{[]byte(of2)}
}

// cutFront returns the frames behind the front; false if they have another one.
func (v Version) cutFront(frames [][]byte, of1, of2 string) ([][]byte, bool) {
	front := v.front(of1, of2)
	if len(frames) < len(front) {
		return nil, false
	}
	for i := range front {
		if string(frames[i]) != string(front[i]) {
			return nil, false
		}
	}
	return frames[len(front):], true
}

// requestOf returns a client's request:
//
//	MDP/0.1  ["", "MDPC01", service, body...]
//	MDP/0.2  ["MDPC02", 01, service, body...]
func (v Version) requestOf(service string, body [][]byte) comm.Message {
	frames := v.front("MDPC01", "MDPC02")
	if v == V2 {
		frames = append(frames, []byte(clientRequest))
	}
	return comm.NewMessage(append(append(frames, []byte(service)), bodyOf(body)...)...)
}

// reply is what a broker sends to a client.
type reply struct {
	service string
	final   bool
	body    [][]byte // one frame at least
}

// readReply reads what a broker sends to a client:
//
//	MDP/0.1  ["", "MDPC01", service, body...]
//	MDP/0.2  ["MDPC02", 02 or 03, service, body...]
func (v Version) readReply(frames [][]byte) (reply, error) {
	rest, ok := v.cutFront(frames, "MDPC01", "MDPC02")
	if !ok {
		return reply{}, invalid("no message of %v for a client", v)
	}
	r := reply{final: true}
	if v == V2 {
		if len(rest) == 0 || string(rest[0]) != clientPartial && string(rest[0]) != clientFinal {
			return reply{}, invalid("neither PARTIAL nor FINAL")
		}
		r.final = string(rest[0]) == clientFinal
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return reply{}, invalid("a reply without a service")
	}
	r.service, r.body = string(rest[0]), bodyOf(rest[1:])
	return r, nil
}

// commandOf returns a command of a worker; what follows depends on its kind.
func (v Version) commandOf(k kind, more ...[]byte) comm.Message {
	frames := append(v.front("MDPW01", "MDPW02"), []byte{v.commands()[k]})
	return comm.NewMessage(append(frames, more...)...)
}

// answerOf returns a PARTIAL or FINAL of a worker:
//
//	MDP/0.1  ["", "MDPW01", 03, address, "", body...]
//	MDP/0.2  ["MDPW02", 03 or 04, address, "", body...]
func (v Version) answerOf(k kind, address []byte, body [][]byte) comm.Message {
	return v.commandOf(k, append([][]byte{address, {}}, bodyOf(body)...)...)
}

// command is what a broker sends to a worker.
type command struct {
	kind    kind
	address []byte   // of a REQUEST: whom the reply is for
	body    [][]byte // of a REQUEST: one frame at least
}

// readCommand reads what a broker sends to a worker: REQUEST, with exactly one address
// and an empty frame before the body, HEARTBEAT or DISCONNECT.
func (v Version) readCommand(frames [][]byte) (command, error) {
	rest, ok := v.cutFront(frames, "MDPW01", "MDPW02")
	if !ok || len(rest) == 0 || len(rest[0]) != 1 {
		return command{}, invalid("no message of %v for a worker", v)
	}
	commands, code := v.commands(), rest[0][0]
	rest = rest[1:]
	switch {
	case code == commands[request]:
		if len(rest) < 2 || len(rest[1]) != 0 {
			return command{}, invalid("a request without a client address and an empty frame")
		}
		return command{kind: request, address: rest[0], body: bodyOf(rest[2:])}, nil
	case code == commands[heartbeat] && len(rest) == 0:
		return command{kind: heartbeat}, nil
	case code == commands[disconnect] && len(rest) == 0:
		return command{kind: disconnect}, nil
	default:
		return command{}, invalid("no command of a broker: %#02x, and %d frames", code, len(rest))
	}
}

// bodyOf returns a body of at least one frame, as the RFCs want it. One without frames
// becomes an empty frame, also when it arrives: whoever sent it waits for an answer.
func bodyOf(body [][]byte) [][]byte {
	if len(body) == 0 {
		return [][]byte{{}}
	}
	return body
}

// longestName bounds the name of a service, in bytes. It is the broker's bound.
const longestName = 255

// checkName returns an error unless a service's name is a printable string (RFC 7 and
// RFC 18, "MDP/Client", "MDP/Worker"), here of UTF-8.
func checkName(service string) error {
	if len(service) == 0 || len(service) > longestName {
		return invalid("the name of a service has %d bytes, want 1 to %d", len(service), longestName)
	}
	for _, r := range service {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return invalid("the name of a service is not printable: %q", service)
		}
	}
	return nil
}

// invalid returns the error of what is not of the protocol.
func invalid(format string, args ...any) error {
	return messaging.Errorf(messaging.InvalidArgument, format, args...)
}
