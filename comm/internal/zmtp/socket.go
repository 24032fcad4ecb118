package zmtp

import "slices"

// SocketType is the name of a socket's pattern, as READY carries it.
type SocketType string

// The socket types of RFC 28 to 31 that are served here.
const (
	Req    SocketType = "REQ"    // asks one after the other
	Rep    SocketType = "REP"    // answers one after the other
	Dealer SocketType = "DEALER" // sends to its peers in turn
	Router SocketType = "ROUTER" // sends to a peer by its routing id
	Pub    SocketType = "PUB"    // sends to who subscribed
	XPub   SocketType = "XPUB"   // as PUB, and receives the subscriptions
	Sub    SocketType = "SUB"    // receives what it subscribed to
	XSub   SocketType = "XSUB"   // as SUB, and sends subscriptions as messages
	Push   SocketType = "PUSH"   // sends to its peers in turn, receives nothing
	Pull   SocketType = "PULL"   // receives from its peers in turn
	Pair   SocketType = "PAIR"   // has one peer
)

// peers returns the types that a socket of type t talks to (RFC 37, "The
// Socket-Type Property").
func (t SocketType) peers() []SocketType {
	switch t {
	case Req:
		return []SocketType{Rep, Router}
	case Rep:
		return []SocketType{Req, Dealer}
	case Dealer:
		return []SocketType{Rep, Dealer, Router}
	case Router:
		return []SocketType{Req, Dealer, Router}
	case Pub, XPub:
		return []SocketType{Sub, XSub}
	case Sub, XSub:
		return []SocketType{Pub, XPub}
	case Push:
		return []SocketType{Pull}
	case Pull:
		return []SocketType{Push}
	case Pair:
		return []SocketType{Pair}
	default:
		return nil
	}
}

// Speaks says whether a socket of type t talks to one of type other.
func (t SocketType) Speaks(other SocketType) bool { return slices.Contains(t.peers(), other) }

// named says whether a socket of type t tells its routing id.
func (t SocketType) named() bool { return t == Req || t == Dealer || t == Router }
