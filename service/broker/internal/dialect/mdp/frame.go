package mdp

import (
	"fmt"

	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// role is which sub-protocol a peer speaks, MDP/Client or MDP/Worker.
type role int

const (
	unknown role = iota
	client
	worker
)

// toClient returns the frames of a command to a client; "" is none. A body without frames
// becomes one empty frame, for there must be one.
func (s *spelling) toClient(command string, service string, body [][]byte) [][]byte {
	frames := s.begin(s.client, 3+max(len(body), 1))
	if command != "" {
		frames = append(frames, []byte(command))
	}
	if !s.nameless {
		frames = append(frames, []byte(service))
	}
	return appendBody(frames, body)
}

// toWorker returns the frames of a command to a worker, with room for more.
func (s *spelling) toWorker(command string, more int) [][]byte {
	return append(s.begin(s.worker, 2+more), []byte(command))
}

// begin returns the first frames of a message.
func (s *spelling) begin(header string, more int) [][]byte {
	frames := make([][]byte, 0, 2+more)
	if s.delimited {
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

// shown returns a command as it stands in errors.
func shown(command []byte) string {
	if len(command) != 1 {
		return fmt.Sprintf("of %d bytes", len(command))
	}
	return fmt.Sprintf("%#02x", command[0])
}

// invalid returns the error of a message that is not of the protocol.
func invalid(format string, args ...any) error {
	return message.Errorf(message.InvalidArgument, format, args...)
}
