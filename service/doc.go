// Package service serves and calls typed services that are found by name. It
// stands on reactor, which serves calls, on messaging/call, which makes them, and
// on registry, which leads from names to instances.
//
// A [Server] binds a port, registers, serves the handlers of a reactor, tells of
// itself, and drains when it stops. A [Client] follows a name, keeps a connection
// to each instance, balances calls over them, and repeats what may be repeated;
// generated stubs run on it. It follows dīvidere's service.Service, with what
// that leaves out: more than one instance, deadlines, and an end.
package service
