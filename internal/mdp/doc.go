// Package mdp is the frames of Majordomo: MDP/0.1 (RFC 7), MDP/0.2 (RFC 18), and in both
// the names of the management interface MMI (RFC 8).
//
// It lies on package message, for errors, and is pure. Both ends use it: the broker's
// dialect in service/broker/internal/dialect/mdp, and the client and worker in
// service/majordomo. docs/majordomo.md says which programs write which [Spelling].
//
// Frames that are decoded share their bytes with what they were decoded from, and frames
// that are encoded with the message. Nothing here keeps state, and all of it may be used
// concurrently.
package mdp
