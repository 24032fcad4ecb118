// Package mdp speaks Majordomo, the protocol of chapter 4 of the ZeroMQ guide: MDP/0.1
// (RFC 7), MDP/0.2 (RFC 18), and in both the management interface MMI (RFC 8).
//
// It is a dialect of the broker: it stands on package messaging, for errors, and on
// service/broker/internal/desk, which holds the state, and is wired into service/broker by the program.
// docs/majordomo.md says what is served, and where the RFCs leave a choice.
//
// Clients have no sessions and say no heartbeats, and a client may be a REQ or a DEALER
// socket, of which the latter would read whatever it were asked. So nobody sees that a
// client has gone: its requests wait and run until they expire, or until their answer
// cannot be sent.
//
// There is one file for each command of the wire. Both versions have the same
// commands but for one, in other frames; their differences are all in spelling.go, with
// those of programs that follow neither RFC to the letter.
package mdp
