// Package serving is the road of a message to its handler's answer: received, admitted, scheduled,
// handled, answered. It stands between messaging, whose sockets it reads, and reactor, whose
// handlers it calls.
//
// Plain envelopes and requests of sessions take the same road. A station is one socket on it; its
// reader hands batches to [Station.Take], which walks the road on the goroutine that read them, as
// far as it can without waiting.
//
//	received   reader.go, station.go, commands.go      a delivery becomes a Request
//	admitted   admission.go, judge.go, dedup.go        deadline, draining, deduplication, session
//	scheduled  policy.go, inline.go, shortness.go      inline, at once, in a queue, refused by a limit
//	handled    request.go, guard.go                    the handler is called; a panic becomes an error
//	answered   plain.go, call.go                       by a replier: an envelope, or a Reply in a session
//
// What differs between a socket of clients, one that leads to a broker and one without sessions
// is a side: clients.go, member.go, plain.go.
package serving
