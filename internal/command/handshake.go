package command

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging/message"
)

const (
	// MaxInstanceSize is how many bytes the instance of a Hello has at most.
	MaxInstanceSize = 64
	// shortestAgreed and longestAgreed are what a client accepts that a Welcome agrees to.
	shortestAgreed, longestAgreed = time.Millisecond, time.Hour
)

// CheckHello returns why a session with the sender of a Hello cannot be, nil if it can.
// What is out of range but can be cut, as its heartbeat, is not wrong.
func CheckHello(k *mitterev1.Hello) *message.Error {
	switch role, limit := k.GetRole(), FrameLimit(k.GetFrameBytes()); {
	case role < mitterev1.Role_ROLE_UNSPECIFIED || role > mitterev1.Role_ROLE_WORKER:
		return message.Errorf(message.Unimplemented, "the role %d is not known here", role)
	case len(k.GetInstance()) > MaxInstanceSize:
		return message.Errorf(message.InvalidArgument, "an instance of %d bytes, want %d at most", len(k.GetInstance()), MaxInstanceSize)
	case !limit.Valid():
		return message.Errorf(message.InvalidArgument, "a hello with frames of %d bytes, want %d at least", limit, LeastFrameLimit)
	default:
		return nil
	}
}

// CheckWelcome returns why there is no session with the sender of a Welcome, nil if
// there is. Absent limits are none.
func CheckWelcome(k *mitterev1.Welcome) *message.Error {
	switch heartbeat, limit := time.Duration(k.GetHeartbeatNano()), FrameLimit(k.GetLimits().GetFrameBytes()); {
	case k.GetSession() == 0:
		return message.Errorf(message.Unavailable, "a welcome with no session")
	case heartbeat < shortestAgreed || heartbeat > longestAgreed:
		return message.Errorf(message.Unavailable, "a welcome with a heartbeat of %v, want %v to %v", heartbeat, shortestAgreed, longestAgreed)
	case !limit.Valid():
		return message.Errorf(message.Unavailable, "a welcome with frames of %d bytes, want %d at least", limit, LeastFrameLimit)
	default:
		return nil
	}
}
