// Package pirate speaks the Paranoid Pirate Protocol of chapter 4 of the ZeroMQ guide
// (RFC 6), what is like it in both layers of dīvidere's load balancing, and the guide's
// Simple Pirate.
//
// It is two dialects of the broker, for a pair of sockets: it stands on package
// messaging, for errors and envelopes, and on service/desk, which holds the state, and
// is wired into service/broker by the program. docs/pirate.md says what is served, and
// where the RFC leaves a choice.
//
// There is one file for each command of the wire. What is on it has no signature, so
// that the socket tells who speaks: clients are at the front, workers at the back, and
// both are of one service.
package pirate
