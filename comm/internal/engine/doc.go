// Package engine is the seam of comm: what carries ZeroMQ's messages below its
// sockets. It lies between comm, which has the kinds of sockets, endpoints and
// options, and the engines that implement it: comm/libzmq and comm/internal/native.
//
// The seam is above waiting. An engine's sockets wait for room, for messages and
// for peers themselves, with a context on each call. How they do it, by the
// descriptors of libzmq or by goroutines on connections, is theirs alone.
//
// comm checks what users pass, once, and an engine relies on it: endpoints, options,
// messages to send. The engine checks what peers send.
package engine
