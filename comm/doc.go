// Package comm makes ZeroMQ sockets safe: frames in, frames out, a context on
// every call that may wait. It is the lowest layer; messaging puts typed
// messages on it. Below it an [Engine] carries the messages: by default one in Go, so
// that nothing else is needed to build and to run; comm/libzmq has the other, on ZeroMQ's
// library in C, which [WithEngine] chooses.
//
// # Sockets
//
// A [Context] owns sockets and what the engine has behind them. Each socket
// type follows one pattern: [Publisher] and [Subscriber], [Req] and
// [Rep], [Dealer] and [Router], [Push] and [Pull], [Pair], and [XPub] and
// [XSub] for programs that forward subscriptions. They follow the classes of
// dīvidere's connection module.
//
// A socket is made with the endpoints it binds or connects to, separated by
// commas. Each type has a default (see [Kind]); "@" in front of an endpoint
// binds, ">" connects, and an endpoint with a "*" binds without being told. Transports are
// tcp, ipc and inproc. Without a host, binding takes the loopback interface.
//
// # Concurrency
//
// Every method of every type may be called by any number of goroutines at
// once. A waiting call parks no thread, ends with its context, and ends when
// its socket is closed.
//
// # Bytes
//
// A send copies: when it returns, with or without an error, the frames are the
// caller's again. A receive gives frames away until Release on the [Message].
//
// # Bounds
//
// Every queue is bounded by a high-water mark, in messages per peer. What
// happens there depends on the pattern: see each type's Send.
package comm
