package desk

import (
	"fmt"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Peer is the address of a client or worker: the socket that it came by, and its
// routing id there.
type Peer struct {
	Socket int    // chosen by the caller
	ID     string // of any bytes
}

// String returns the address as text: the socket's number and the routing id in
// hexadecimal digits.
func (p Peer) String() string { return fmt.Sprintf("%d/%x", p.Socket, p.ID) }

// Action is something that the caller must do: one of [Deliver], [CancelDelivery],
// [CreditDelivery], [Heartbeat], [Disconnect], which go to workers, and [Accepted],
// [Waiting], [Reply], [Item], [Event], which go to clients. There are no others, so that a
// switch over them can be complete.
type Action interface {
	// Receiver returns the peer that it goes to.
	Receiver() Peer
}

// Deliver gives a worker a request.
type Deliver struct {
	To       Peer          // the peer
	Delivery uint64        // names it at this worker; the reply must name it, see [Desk.Token]
	From     Peer          // whose request it is; of the clients that wait for it, the first
	Request  *Request      // not to be changed
	Timeout  time.Duration // how long its client still waits; above 0
	Wait     time.Duration // how long of that it may wait for its handler; 0: all of it
	Attempt  int           // counts the deliveries of this request, from 1
	Credit   uint32        // items of a stream that the client takes until it says more
}

// CancelDelivery tells a worker that no client waits for a request any more. Only workers
// whose [Offer] has Cancels are told.
type CancelDelivery struct {
	To       Peer   // the worker
	Delivery uint64 // of the request
}

// CreditDelivery allows a worker further items of a stream.
type CreditDelivery struct {
	To       Peer   // the worker
	Delivery uint64 // of the request
	Items    uint32 // how many more
}

// Heartbeat tells a worker that the broker lives (RFC 7, RFC 18, RFC 6).
type Heartbeat struct {
	To Peer // the worker
}

// Disconnect tells a worker that it is not registered, or not any more. It may say
// READY again, but after ALREADY_EXISTS it should not: another has its name.
type Disconnect struct {
	To     Peer              // the peer
	Status *mitterev1.Status // not to be changed
}

// Accepted tells a client which workers its request is for, if it chose them by a
// [Target]. It comes before what they answer.
type Accepted struct {
	To      Peer     // the peer
	Call    uint64   // its number of the call
	Tag     any      // of its request
	Workers []string // their names
	Unknown []string // names that no worker of the service has which takes requests
}

// Waiting tells a client why its request waits, if it wants to know; see
// [Request].Tell.
type Waiting struct {
	To   Peer   // the peer
	Call uint64 // its number of the call
	Tag  any    // of its request
	Wait Wait   // why; its zero value says that it waits no longer
}

// Reply answers a call: for the last time, unless More is set.
type Reply struct {
	To     Peer   // the peer
	Call   uint64 // its number of the call
	Tag    any    // of its request
	Worker string // which gave the answer, or for which it is given; empty if for none
	Answer Answer // how it ended there
	More   bool   // other workers will answer as well
}

// Item is a part of a worker's answer: an item of a stream, or a partial reply
// (RFC 18).
type Item struct {
	To      Peer    // the peer
	Call    uint64  // its number of the call
	Tag     any     // of its request
	Worker  string  // whose it is
	Content Content // what it sent
}

// Event tells a client of the progress of its request.
type Event struct {
	To      Peer    // the peer
	Call    uint64  // its number of the call
	Tag     any     // of its request
	Worker  string  // whose it is
	Content Content // what it sent
}

// Receiver returns the worker that is told.
func (a Deliver) Receiver() Peer { return a.To }

// Receiver returns the worker that is told.
func (a CancelDelivery) Receiver() Peer { return a.To }

// Receiver returns the worker that is told.
func (a CreditDelivery) Receiver() Peer { return a.To }

// Receiver returns the worker that is told.
func (a Heartbeat) Receiver() Peer { return a.To }

// Receiver returns the worker that is told.
func (a Disconnect) Receiver() Peer { return a.To }

// Receiver returns the client that is told.
func (a Accepted) Receiver() Peer { return a.To }

// Receiver returns the client that is told.
func (a Waiting) Receiver() Peer { return a.To }

// Receiver returns the client that is told.
func (a Reply) Receiver() Peer { return a.To }

// Receiver returns the client that is told.
func (a Item) Receiver() Peer { return a.To }

// Receiver returns the client that is told.
func (a Event) Receiver() Peer { return a.To }

// Content is what a dialect read and another one writes. The desk passes it on and
// never looks into it; it is shared by all who get it, and not to be changed.
type Content struct {
	Head     any      // what belongs to the content beside its body
	HeadSize int      // about how many bytes Head takes up
	Body     [][]byte // frames
}

// size returns about how many bytes the content takes up.
func (c Content) size() int {
	size := c.HeadSize
	for _, frame := range c.Body {
		size += len(frame)
	}
	return size
}

// Answer is how a request ends at a worker.
type Answer struct {
	Status  *mitterev1.Status // the error; nil for a success. Not to be changed
	Content Content           // of a success
	Refused bool              // it was not executed and never will be, so that another may be asked
}
