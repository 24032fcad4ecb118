package native

// peer is the other end of a connection, or of several one after the other, as the
// patterns of a socket see it.
type peer struct {
	link link
	in   inqueue // what it sent

	resumed chan struct{} // has something when there is room in it again
	dialed  string        // over inproc, the name that it was dialed at from here

	// What follows is guarded by the socket's sendMu.
	handle  handle // of a peer of a ROUTER; it does not change once the peer has joined
	touched bool   // it has something to flush
	mark    uint64 // the number of the latest publication that it matched
	leaving bool   // it gets what was sent to it, and no more
	counted bool   // it is counted among the connections
}

// link carries messages to a peer. It may be used by any number of goroutines at once.
type link interface {
	// put appends a message if there is room for it, and says whether there is room for
	// another. If not, the socket's makeRoom will be called when there is. The
	// caller of put must flush, without locks.
	put(frames [][]byte) (ok, more bool)
	// putEncoded is put for a message of which encoded is the form on the wire, which
	// nobody writes to any more.
	putEncoded(frames [][]byte, encoded []byte) (ok, more bool)
	// room says whether there is room for a message, as put does.
	room() bool
	// tell has the peer know of a subscription, or of the end of one.
	tell(subscribes bool, prefix []byte)
	// flush writes what was put, as far as that can be done without waiting; the rest is
	// written soon.
	flush()
	// soon has what was put be written by somebody else.
	soon()
	// finish ends the link when all that was put is written.
	finish()
	// cut ends the link at once.
	cut()
}
