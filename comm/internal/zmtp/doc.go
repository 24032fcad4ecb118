// Package zmtp is ZeroMQ's wire protocol, ZMTP 3.0 and 3.1, as pure state
// machines: bytes in, bytes and frames out. It knows no connection, no clock
// and no goroutine. An engine below comm puts it on connections.
//
// A connection has two phases. A [Handshake] exchanges greetings, agrees on a
// security mechanism and learns who the [Peer] is. Then a [Decoder] reads
// [Frame] after frame, the Append functions write frames, and a [Sealer]
// encrypts what they wrote if the mechanism is CURVE.
//
// The format is that of RFC 23 and 37 (ZMTP), 24 (PLAIN), 25 and 26 (CURVE) of
// https://rfc.zeromq.org. Where libzmq 4.3 differs from them this package does
// as libzmq does, and says so.
//
// No type is safe for concurrent use. Nothing here keeps bytes that it was
// given, and what it returns aliases them only where its doc says so.
package zmtp
