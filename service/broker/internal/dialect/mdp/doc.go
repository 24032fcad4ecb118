// Package mdp speaks Majordomo, the protocol of chapter 4 of the ZeroMQ guide: MDP/0.1
// (RFC 7), MDP/0.2 (RFC 18), and in both the management interface MMI (RFC 8).
//
// It is a dialect of the broker: it stands on internal/mdp, which has the frames, and on
// service/broker/internal/desk, which holds the state, and service/broker runs it.
// docs/majordomo.md says what is served, and where the RFCs leave a choice.
//
// Clients have no sessions and send no heartbeats, and a client may be a REQ or a DEALER
// socket, of which the latter would read any request for a sign of life as a reply. So the
// broker cannot see that a client has gone: its requests wait and run until they expire, or
// until their answer cannot be sent.
package mdp
