package zmtp

import "fmt"

// Reason says why a connection cannot go on.
type Reason uint8

// The reasons.
const (
	// Malformed is a violation of the protocol.
	Malformed Reason = iota + 1
	// TooLarge is a frame, command or message above a limit.
	TooLarge
	// UnsupportedVersion is a peer of ZMTP 1.0 or 2.0, or none of ZeroMQ.
	UnsupportedVersion
	// MechanismMismatch is a peer with another security mechanism.
	MechanismMismatch
	// TypeMismatch is a peer whose socket type does not talk to this end's, such
	// as PUB to PULL.
	TypeMismatch
	// Denied is a peer that this end did not let in.
	Denied
	// Refused is an ERROR from the peer: it did not let this end in, and never
	// will with these credentials.
	Refused
)

// String returns the reason in words.
func (r Reason) String() string {
	switch r {
	case Malformed:
		return "protocol violation"
	case TooLarge:
		return "too large"
	case UnsupportedVersion:
		return "unsupported protocol version"
	case MechanismMismatch:
		return "security mechanism mismatch"
	case TypeMismatch:
		return "incompatible socket types"
	case Denied:
		return "access denied"
	case Refused:
		return "refused by the peer"
	default:
		return fmt.Sprintf("reason %d", uint8(r))
	}
}

// Error says why a connection has to be closed.
type Error struct {
	Reason Reason // for programs
	Detail string // for people
}

// Error returns the reason and the detail.
func (e *Error) Error() string { return "zmtp: " + e.Reason.String() + ": " + e.Detail }

func fail(r Reason, format string, args ...any) error {
	return &Error{Reason: r, Detail: fmt.Sprintf(format, args...)}
}
