package comm

import "github.com/mittere/mittere/comm/internal/engine"

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
)

// trait is what comm knows of a kind.
type trait struct {
	name    string
	pattern engine.Pattern
	binds   bool // what an endpoint does that does not say
	// immediate says that what is sent waits for an answer. Such a message must
	// not be queued for a peer that is not there: the next process at the peer's
	// address would execute it.
	immediate bool
}

// traits is the one table of kinds.
var traits = [...]trait{
	KindPublisher:  {name: "publisher", pattern: engine.Pub, binds: true},
	KindSubscriber: {name: "subscriber", pattern: engine.Sub},
	KindXPub:       {name: "xpub", pattern: engine.XPub, binds: true},
	KindXSub:       {name: "xsub", pattern: engine.XSub},
	KindReq:        {name: "req", pattern: engine.Dealer, immediate: true},
	KindRep:        {name: "rep", pattern: engine.Router, binds: true},
	KindDealer:     {name: "dealer", pattern: engine.Dealer, immediate: true},
	KindRouter:     {name: "router", pattern: engine.Router, binds: true},
	KindPush:       {name: "push", pattern: engine.Push},
	KindPull:       {name: "pull", pattern: engine.Pull, binds: true},
	KindPair:       {name: "pair", pattern: engine.Pair},
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
