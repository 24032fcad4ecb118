// Package broker stands between clients and workers of a service: Majordomo, in one
// loop around package desk, which decides, and the dialects, which translate. The
// command line runs it, and any program can.
//
// It follows RFC 7 and RFC 18 of ZeroMQ, and RFC 8 for what it tells of itself.
//
// An event is a batch of messages, or what is due. It is handled under the broker's lock:
// a dialect or the desk is asked, what they want sent is collected in the outbox, and that
// is sent when the event ends, many messages at once. What cannot be sent is told to the
// desk in the same event: a peer that is not there is gone, and a slow consumer, which
// takes too little for too long, is evicted. Nothing waits for a peer.
package broker
