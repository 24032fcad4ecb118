// Package desk is the state of a broker: services, workers, and requests that
// wait or run.
//
// It lies below package broker, whose one loop drives it, and beside nothing: it
// uses the generated messages for codes alone, and dialects translate between
// bytes and it. It is pure. Events and the time go in, actions come out; there is
// no socket, goroutine, clock, randomness or wire format in it, and a body is never
// looked into. Times are since a moment that the caller chooses, by a monotonic
// clock.
//
// # Rules
//
// Requests wait in the order in which they came, in a queue for each service, or
// for a worker that they name. A worker has at most as many at once as its capacity.
// Of several with room the one that is least busy for its capacity gets the next,
// of those the one that was least recently used (RFC 7 leaves the choice open).
//
// Every request that is taken ends exactly once for each client that waits for it: by a
// reply, by an error, by its deadline, or by its client's cancel or end. What a
// worker says is matched by (peer, delivery); what matches nothing is counted and
// dropped, so that replies go only where the desk's own state says.
//
// Everything that a worker sends is a heartbeat, and busy workers are watched like
// idle ones (RFC 7 and RFC 6 ask for both). One that was silent beyond its patience
// is dead. Its requests go to others if a second execution does no harm, a bounded
// number of times; others end in UNAVAILABLE at once.
//
// A worker that drains, as it or the operator wishes, gets nothing new. Control requests,
// which ask about a worker and are none of its work, reach the worker that they name all the
// same, and beside its capacity.
//
// READY and DISCONNECT are legal in every state. Services that have no worker and
// no request are forgotten, so that memory is bounded by [Limits].
package desk
