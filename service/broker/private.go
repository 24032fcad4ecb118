package broker

import (
	"crypto/rand"
	"slices"
)

// private is how a worker inside the broker's own process reaches it: an endpoint
// within the context of its sockets, and what it says there to be known.
type private struct {
	endpoint string
	secret   []byte
}

func newPrivate() private {
	return private{endpoint: "inproc://mittere.broker." + rand.Text(), secret: []byte(rand.Text())}
}

// without returns endpoints but the private one.
func (p private) without(endpoints []string) []string {
	return slices.DeleteFunc(endpoints, func(e string) bool { return e == p.endpoint })
}

// inner returns where the broker's own worker connects to, and the instance by which
// it is let serve reserved names.
func (b *Broker) inner() (endpoint string, secret []byte) {
	return b.private.endpoint, b.private.secret
}
