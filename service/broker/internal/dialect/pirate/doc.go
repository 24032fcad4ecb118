// Package pirate speaks the Paranoid Pirate Protocol of chapter 4 of the ZeroMQ guide
// (RFC 6), what is like it in both layers of dīvidere's load balancing, and the guide's
// Simple Pirate.
//
// It is two dialects of the broker, for a pair of sockets: it stands on package message, for
// errors and envelopes, and on service/broker/internal/desk, which holds the state, and
// service/broker runs it. docs/pirate.md says what is served, and where the RFC leaves a
// choice.
//
// Clients have no sessions and say no heartbeats. A REQ would discard a probe, but a
// DEALER, which may send the same frames, would take it for an answer. So the broker cannot
// see that a client has gone: its requests wait and run until they expire, or until their
// answer cannot be sent.
//
// There is one file for each command of the wire. What is on it has no signature, so
// that the socket tells who speaks: clients are at the front, workers at the back, and
// both are of one service.
package pirate
