// Package reactor dispatches received messages to handlers: the serving end of
// every protocol here. It stands on messaging, which receives the messages;
// registry and service are built of reactors.
//
// A handler is a plain function, entered into [Handlers] by a generic one:
// [Handle] answers a request, [Observe] takes a message, [Stream] answers a
// request with many messages. A [Reactor] listens on any number of sockets and
// calls one handler at a time, or several in a pool. It follows dīvidere's
// MtMsgReactor, whose methods handle<Name> are found by their names; here they
// are found by the messages' full names.
//
// On a [messaging.Server] callers come to a reactor; on a [messaging.Worker] it goes to
// a broker, which gives it the requests of others: it says Hello there, offers what
// [WithOffer] says, and begins anew when the broker was lost.
//
// No message ends a reactor. One that is malformed, unknown or makes a handler fail
// or panic is counted, logged, and answered with a typed error where someone
// waits for an answer. No peer that is slow, or gone, holds it up: replies for it
// wait in an outbox of their own. Only a stream waits for its receiver; give such
// handlers a [Deadline], or the reactor a pool.
package reactor
