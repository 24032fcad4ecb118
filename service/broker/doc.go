// Package broker stands between clients and workers of a service: Majordomo, in one
// loop around package desk, which decides, and the dialects, which translate. The
// command line runs it, and any program can.
//
// It follows RFC 7 and RFC 18 of ZeroMQ, and RFC 8 for what it tells of itself.
package broker
