// Package broker stands between clients and workers of a service: Majordomo, in one
// loop around package desk, which decides, and the dialects, which translate. The
// command line runs it, and any program can.
//
// It follows RFC 7 and RFC 18 of ZeroMQ, and RFC 8 for what it tells of itself.
//
// An event is a batch of messages, or what is due. Whoever handles one has the
// broker's lock: it asks a dialect or the desk, collects what they want sent in the
// outbox, and posts that when the event ends, many letters at once. What cannot be
// posted is told to the desk in the same event: a peer that is not there is gone, and
// one that takes too little for too long is as good as gone. Nothing waits for a peer.
package broker
