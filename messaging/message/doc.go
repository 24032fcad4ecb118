// Package message is typed messages as bytes: envelopes and what they say of a
// message, topics, routes, and errors that travel. It knows no socket, so that a
// protocol, a store or a test that reads envelopes links none; messaging puts it on
// sockets.
//
// [Pack] and [Open] lead from a message to its [Envelope] and back, [Envelope.Append]
// and [Decode] from there to bytes and back. docs/wire.md is normative for the bytes,
// which dīvidere's programs read and write, too.
//
// A value of any type may be read by any number of goroutines at once. What is decoded
// aliases the bytes that it was read from only where its doc says so.
package message
