package command

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// The fields of the kinds of mittere.v1.Command.
const (
	kindHello protowire.Number = iota + 2
	kindWelcome
	kindReady
	kindRequest
	kindAccepted
	kindReply
	kindItem
	kindEvent
	kindCredit
	kindCancel
	kindHeartbeat
	kindDrain
	kindDisconnect

	kindWaiting protowire.Number = 17 // 15 is the body, 16 the kind of golden bytes that nobody knows
)

// largestSmall is how many bytes a kind has at most that says something of a session or
// allows something: to read millions of names takes longer than to send them.
const largestSmall = 256 << 10

// isSmall reports whether a kind, by its field, has neither a content of the user's nor the
// names of a target's workers.
func isSmall(number protowire.Number) bool {
	switch number {
	case kindHello, kindWelcome, kindReady, kindCredit, kindCancel, kindHeartbeat, kindDrain:
		return true
	default:
		return false
	}
}

// kindNumber returns the field of a kind, 0 for what is none.
func kindNumber(kind proto.Message) protowire.Number {
	switch kind.(type) {
	case *mitterev1.Hello:
		return kindHello
	case *mitterev1.Welcome:
		return kindWelcome
	case *mitterev1.Ready:
		return kindReady
	case *mitterev1.Request:
		return kindRequest
	case *mitterev1.Accepted:
		return kindAccepted
	case *mitterev1.Reply:
		return kindReply
	case *mitterev1.Item:
		return kindItem
	case *mitterev1.Event:
		return kindEvent
	case *mitterev1.Credit:
		return kindCredit
	case *mitterev1.Cancel:
		return kindCancel
	case *mitterev1.Heartbeat:
		return kindHeartbeat
	case *mitterev1.Drain:
		return kindDrain
	case *mitterev1.Disconnect:
		return kindDisconnect
	case *mitterev1.Waiting:
		return kindWaiting
	default:
		return 0
	}
}

// newKind returns an empty message of the kind in a field, nil for none that is
// known.
func newKind(number protowire.Number) proto.Message {
	switch number {
	case kindHello:
		return new(mitterev1.Hello)
	case kindWelcome:
		return new(mitterev1.Welcome)
	case kindReady:
		return new(mitterev1.Ready)
	case kindRequest:
		return new(mitterev1.Request)
	case kindAccepted:
		return new(mitterev1.Accepted)
	case kindReply:
		return new(mitterev1.Reply)
	case kindItem:
		return new(mitterev1.Item)
	case kindEvent:
		return new(mitterev1.Event)
	case kindCredit:
		return new(mitterev1.Credit)
	case kindCancel:
		return new(mitterev1.Cancel)
	case kindHeartbeat:
		return new(mitterev1.Heartbeat)
	case kindDrain:
		return new(mitterev1.Drain)
	case kindDisconnect:
		return new(mitterev1.Disconnect)
	case kindWaiting:
		return new(mitterev1.Waiting)
	default:
		return nil
	}
}
