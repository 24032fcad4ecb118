// Package plain speaks the protocol of peers that send an envelope and wait for one:
// dīvidere's Dealer and Request, a REQ socket, the Request of package messaging.
//
// It is a dialect of the broker, for clients alone: it stands on package messaging, for
// envelopes, and on service/broker/internal/desk, which holds the state, and is wired into
// service/broker. docs/wire.md, "Patterns", is normative.
//
// Clients have no sessions and say no heartbeats, and a client behind an empty frame may
// be a DEALER, which would take a probe for its answer. So the broker cannot see that a client has
// gone: its requests wait and run until they expire, or until their answer cannot be
// sent.
package plain
