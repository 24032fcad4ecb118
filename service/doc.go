// Package service serves and calls typed services that are found by name. It stands on reactor,
// which serves calls, on messaging/call, which makes them, and on registry, which leads from
// names to instances.
//
// A [Server] serves the handlers of a reactor: directly, behind a broker, or both. It
// registers, tells of itself, and drains when it stops. [Serve] is the shortest way to one.
//
// A [Client] finds the servers of a name where its [Source] says, keeps a session with each,
// balances calls over them, and retries what may be retried; generated stubs run on it.
//
// It follows dīvidere's service.Service, with what that leaves out: more than one instance,
// deadlines, and an end.
package service
