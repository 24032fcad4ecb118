// Package native speaks the broker's end of Command, the protocol of calls that
// docs/wire.md describes: what a service speaks with its clients, a broker speaks with
// clients and workers.
//
// It is a dialect of the broker: it stands on package messaging, for the codec, and on
// service/broker/internal/desk, which holds the state, and is wired into service/broker.
//
// There is a file for each noun of the wire. A body passes from peer to peer of this
// dialect as it came, without a look at it.
package native
