// Package call makes calls: the calling end of Command. It stands on messaging,
// which has the codec, and comm; service builds its clients on it, and generated
// stubs are written on its [Caller].
//
// A [Conn] is one connection to one server, or to a broker, with a session: a
// handshake, heartbeats both ways, and any number of calls at once, each with its
// deadline, its cancellation and, if it is answered by a stream, its credit. A
// [Plain] makes calls to servers that speak plain envelopes only, as dīvidere's
// services do. [Unary], [Stream], [OneWay] and [Go] are the typed edge over both;
// [All] and [AllStream] have each worker of a broker answer.
package call
