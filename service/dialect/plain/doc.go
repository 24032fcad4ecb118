// Package plain speaks the protocol of those who send an envelope and wait for one:
// dīvidere's Dealer and Request, a REQ socket, the Request of package messaging.
//
// It is a dialect of the broker, for clients alone: it stands on package messaging, for
// envelopes, and on service/desk, which holds the state, and is wired into
// service/broker. docs/wire.md, "Patterns", is normative.
package plain
