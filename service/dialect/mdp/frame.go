package mdp

import (
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/dialect"
)

// role is which sub-protocol a peer speaks, MDP/Client or MDP/Worker.
type role int

const (
	unknown role = iota
	client
	worker
)

// header returns whose header a message has, and the frames behind it.
func (v *version) header(frames [][]byte) (r role, rest [][]byte) {
	if v.delimited {
		if len(frames) == 0 || len(frames[0]) != 0 {
			return unknown, nil
		}
		frames = frames[1:]
	}
	switch {
	case len(frames) == 0:
		return unknown, nil
	case string(frames[0]) == v.client:
		return client, frames[1:]
	case string(frames[0]) == v.worker:
		return worker, frames[1:]
	default:
		return unknown, nil
	}
}

// toClient returns the frames of a command to a client. A body without frames
// becomes one empty frame, for there must be one.
func (v *version) toClient(command byte, service string, body [][]byte) [][]byte {
	frames := v.begin(v.client, 3+max(len(body), 1))
	if v.clientCommands {
		frames = append(frames, []byte{command})
	}
	return appendBody(append(frames, []byte(service)), body)
}

// toWorker returns the frames of a command to a worker, with room for more.
func (v *version) toWorker(command byte, more int) [][]byte {
	return append(v.begin(v.worker, 2+more), []byte{command})
}

// begin returns the first frames of a message.
func (v *version) begin(header string, more int) [][]byte {
	frames := make([][]byte, 0, 2+more)
	if v.delimited {
		frames = append(frames, []byte{})
	}
	return append(frames, []byte(header))
}

// appendBody appends a body of at least one frame.
func appendBody(frames, body [][]byte) [][]byte {
	if len(body) == 0 {
		return append(frames, []byte{})
	}
	return append(frames, body...)
}

// serviceName reads the name of a service: a printable string (RFC 7, "MDP/Client",
// "MDP/Worker"), of UTF-8.
func serviceName(frame []byte) (string, error) {
	if len(frame) == 0 || len(frame) > dialect.LongestName {
		return "", invalid("the name of a service has %d bytes, want 1 to %d", len(frame), dialect.LongestName)
	}
	if !dialect.Printable(string(frame)) {
		return "", invalid("the name of a service is not printable: %q", frame)
	}
	return string(frame), nil
}

// invalid returns the error of a message that is not of the protocol.
func invalid(format string, args ...any) error {
	return messaging.Errorf(messaging.InvalidArgument, format, args...)
}
