// Package native is the engine under comm in Go: ZeroMQ's patterns over ZMTP 3.1 on
// connections of package net. It implements comm/internal/engine with comm/internal/zmtp
// and needs no C.
//
// # Parts
//
// Patterns are pure state: [fair] receipt, [roundRobin], [routes], [subscriptions]. They
// know peers, not connections. A [socket] puts locks around them. A [peer] is what a
// pattern sends to; its [link] carries messages: a [wire] for tcp and ipc, a [pipe] within
// the process. A wire outlives the [conn] below it where messages wait for a peer that
// comes back.
//
// # Goroutines
//
// A connection has one goroutine, which shakes hands and reads; for a connecting socket
// it is that of the [dialer], for a bound one it was started by the [listener]. The
// sender writes to the connection itself, without waiting; what the system does not take
// at once is written by a goroutine that lives until nothing is left.
//
// # Locks
//
// From the outside in: the context's names, the socket's sendMu, a wire's lock, an
// inbox's lock. No lock is held while a connection is written to or read from, nor while
// another socket is told that there is room. A publisher's sendMu may be taken with that
// of a subscriber of the same process held, never the other way round.
package native
