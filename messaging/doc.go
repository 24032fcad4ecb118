// Package messaging carries protobuf messages: each travels in an [Envelope]
// that names its type, so that many types share a socket and the receiver knows
// what it has. It stands on comm, which moves the frames; reactor dispatches
// incoming messages to handlers.
//
// # Sockets
//
// [Publisher] and [Subscriber], [Req] and [Rep], [Dealer] and [Router],
// [Push] and [Pull], and [Pair] mirror those of comm and follow the classes of
// dīvidere's messaging module, whose programs are peers on the wire. What
// arrives is a [Delivery]: the envelope, the way back, and what was missed. Calls
// come as a [Command], to a [Server] or, by way of a broker, to a [Worker].
//
// # Errors
//
// Every error is an *[Error] with a [Code]. A receive that fails because of one
// message says so and works on; only a closed socket or an ended context ends
// an iterator.
//
// # Concurrency and bytes
//
// Every method of every type may be called by any number of goroutines at once,
// except those of a Delivery, which belongs to one. Messages are marshalled
// before a send returns and are the caller's all along. A Delivery's body is
// shared with the frame that arrived until [Delivery.Release].
package messaging
