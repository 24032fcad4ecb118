package mdp

import (
	"unicode"
	"unicode/utf8"

	"github.com/mittere/mittere/messaging/message"
)

// Role is which of the two sub-protocols a message is of.
type Role int

const (
	// Client is MDP/Client, between clients and the broker.
	Client Role = iota + 1
	// Worker is MDP/Worker, between the broker and workers.
	Worker
)

// Kind is the command of a message.
type Kind int

const (
	// Ready registers a worker for a service.
	Ready Kind = iota + 1
	// Request goes from a client to the broker, and from there to a worker.
	Request
	// Partial is a reply that is not the last one. MDP/0.1 has none.
	Partial
	// Final is the last reply, which MDP/0.1 calls REPLY.
	Final
	// Heartbeat says that its sender is alive, as any other command does.
	Heartbeat
	// Disconnect ends what [Ready] began.
	Disconnect
	kinds // how many there are, and one for none
)

// Message is a message of Majordomo between a broker and a client or worker.
type Message struct {
	Role    Role     // which sub-protocol it is of
	Kind    Kind     // its command
	Service string   // of READY, and of all that goes to and from clients
	Address []byte   // of a worker's REQUEST, PARTIAL and FINAL: for whom the reply is
	Body    [][]byte // of REQUEST, PARTIAL and FINAL

	// NoDelimiter is set where a worker left out the empty frame behind the address. The
	// broker may know whether the first frame of the body is meant to be one.
	NoDelimiter bool
}

// Body returns a body of at least one frame, as both RFCs want it: one without frames
// becomes an empty frame.
func Body(frames [][]byte) [][]byte {
	if len(frames) == 0 {
		return [][]byte{{}}
	}
	return frames
}

// LongestName bounds the name of a service, in bytes. It is the broker's bound; the RFCs
// have none.
const LongestName = 255

// CheckName returns an error unless the name of a service is a printable string (RFC 7 and
// RFC 18, "MDP/Client", "MDP/Worker"), here of UTF-8.
func CheckName(service string) error {
	if len(service) == 0 || len(service) > LongestName {
		return invalid("the name of a service has %d bytes, want 1 to %d", len(service), LongestName)
	}
	for _, r := range service {
		if !unicode.IsPrint(r) {
			return invalid("the name of a service is not printable: %q", service)
		}
	}
	if !utf8.ValidString(service) {
		return invalid("the name of a service is not UTF-8: %q", service)
	}
	return nil
}

// The services of the management interface (RFC 8, "Namespace", "Default services"), which
// brokers serve to their clients.
const (
	// Management begins their names.
	Management = "mmi."
	// ManagementService answers [Found] if a service has a worker, else [NotFound].
	ManagementService = "mmi.service"
	// ManagementServices lists the services that have a worker. It is Mittere's own.
	ManagementServices = "mmi.services"
	// ManagementWorkers lists the workers of a service, or all. It is Mittere's own.
	ManagementWorkers = "mmi.workers"

	// Found, NotFound and NotImplemented are the codes of their answers.
	Found, NotFound, NotImplemented = "200", "404", "501"
)

// invalid returns the error of a message that is not of the protocol.
func invalid(format string, args ...any) error {
	return message.Errorf(message.InvalidArgument, format, args...)
}
