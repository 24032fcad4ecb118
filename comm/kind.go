package comm

import zmq "github.com/pebbe/zmq4"

// Kind is the type of a socket. Its zero value is no kind.
type Kind uint8

// The kinds, and what an endpoint without "@", ">" or "*" does on each.
const (
	// KindPublisher is the kind of a [Publisher]; it binds.
	KindPublisher Kind = iota + 1
	// KindSubscriber is the kind of a [Subscriber]; it connects.
	KindSubscriber
	// KindXPub is the kind of an [XPub]; it binds.
	KindXPub
	// KindXSub is the kind of an [XSub]; it connects.
	KindXSub
	// KindReq is the kind of a [Req]; it connects.
	KindReq
	// KindRep is the kind of a [Rep]; it binds.
	KindRep
	// KindDealer is the kind of a [Dealer]; it connects.
	KindDealer
	// KindRouter is the kind of a [Router]; it binds.
	KindRouter
	// KindPush is the kind of a [Push]; it connects.
	KindPush
	// KindPull is the kind of a [Pull]; it binds.
	KindPull
	// KindPair is the kind of a [Pair]; it connects.
	KindPair
	// kindMonitor reads the events of another socket.
	kindMonitor
)

// trait is what comm knows of a kind.
type trait struct {
	name  string
	zmq   zmq.Type
	binds bool // what an endpoint does that does not say
	// addresses says that each message has its own peers, so that libzmq always
	// reports POLLOUT and the event tells nothing about room.
	addresses bool
	// immediate says that what is sent waits for an answer. Such a message must
	// not be queued for a peer that is not there: whoever takes the peer's
	// address later would execute it.
	immediate bool
}

// traits is the one table of kinds.
var traits = [...]trait{
	KindPublisher:  {name: "publisher", zmq: zmq.XPUB, binds: true, addresses: true},
	KindSubscriber: {name: "subscriber", zmq: zmq.SUB},
	KindXPub:       {name: "xpub", zmq: zmq.XPUB, binds: true, addresses: true},
	KindXSub:       {name: "xsub", zmq: zmq.XSUB},
	KindReq:        {name: "req", zmq: zmq.DEALER, immediate: true},
	KindRep:        {name: "rep", zmq: zmq.ROUTER, binds: true, addresses: true},
	KindDealer:     {name: "dealer", zmq: zmq.DEALER, immediate: true},
	KindRouter:     {name: "router", zmq: zmq.ROUTER, binds: true, addresses: true},
	KindPush:       {name: "push", zmq: zmq.PUSH},
	KindPull:       {name: "pull", zmq: zmq.PULL, binds: true},
	KindPair:       {name: "pair", zmq: zmq.PAIR},
	kindMonitor:    {name: "monitor", zmq: zmq.PAIR},
}

// trait returns the kind's row of the table.
func (k Kind) trait() trait {
	if int(k) < len(traits) {
		return traits[k]
	}
	return trait{}
}

// String returns the kind's name in lower case, such as "publisher".
func (k Kind) String() string { return k.trait().name }

// Binds reports whether an endpoint that does not say otherwise is bound by
// sockets of this kind, rather than connected to.
func (k Kind) Binds() bool { return k.trait().binds }
