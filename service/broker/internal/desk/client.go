package desk

import mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

// client is a peer that has asked for something which has not ended: what it waits for, and
// one-way requests, which are there even if the peer is not any more.
type client struct {
	latest   *waiter // of those that it waits for
	parts    int     // of its requests, one-way ones included
	reserved int     // of those, the ones for the broker's own services
}

// Room is kept for the broker's own services, so that it can be asked how it is when it is
// full; it is for requests that are not one-way.
const (
	reservedRequests = 1000
	reservedBytes    = 16 << 20
	// reservedQueue is how many requests for a service of the broker's own may wait.
	reservedQueue = 1000
	// reservedPeer is how many of one peer may wait or run.
	reservedPeer = 100
)

// room is how much a request may find here, so that there is a place for it.
type room struct{ queue, requests, bytes, peer int }

// roomFor returns how much a request may find here.
func (d *Desk) roomFor(r *Request) room {
	l := d.limits
	if !Reserved(r.Service) {
		return room{l.Queue, l.Requests, l.Bytes, l.Peer}
	}
	kept := room{min(l.Queue, reservedQueue), l.Requests, l.Bytes, min(l.Peer, reservedPeer)}
	if !r.OneWay {
		kept.requests += reservedRequests
		kept.bytes += reservedBytes
	}
	return kept
}

// full returns the answer to a request for which there is no room: so many parts, of which
// so many must wait. The service may be nil.
func (d *Desk) full(from Peer, s *service, r *Request, parts, waits int) (answer Answer, full bool) {
	room, has := d.roomFor(r), d.has(from, r)
	switch {
	case s == nil && (len(d.services) >= d.limits.Services || 2*d.unserved >= d.limits.Services):
		return refused(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the broker has %d services, %d of them without a worker, of %d and half as many at most", len(d.services), d.unserved, d.limits.Services), true
	case s == nil && d.opened[from] >= d.openedLimit():
		return refused(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the peer waits for %d services without a worker, of %d at most", d.opened[from], d.openedLimit()), true
	case waits > room.queue, s != nil && waits > 0 && s.waiting+waits > room.queue:
		return refused(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the queue of the service %q is full with %d requests", r.Service, room.queue), true
	case has+parts > room.peer:
		return refused(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the peer has %d requests here, of %d at most", has, room.peer), true
	case r.OneWay && d.oneWay+parts > d.limits.OneWay:
		return refused(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the broker has %d one-way requests, of %d at most", d.oneWay, d.limits.OneWay), true
	case d.held+parts > room.requests:
		return refused(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the broker has %d requests, of %d at most", d.held, room.requests), true
	case d.bytes+r.size() > room.bytes:
		return refused(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the requests have %d bytes, of %d at most", d.bytes, room.bytes), true
	default:
		return Answer{}, false
	}
}

// has returns how many requests a peer has here that count where a new one would.
func (d *Desk) has(from Peer, r *Request) int {
	c := d.clients[from]
	switch {
	case c == nil:
		return 0
	case Reserved(r.Service):
		return c.reserved
	default:
		return c.parts
	}
}

// follow notes that a peer waits for something, or sent what is one-way.
func (d *Desk) follow(w *waiter) {
	c := d.clients[w.client]
	if c == nil {
		c = new(client)
		d.clients[w.client] = c
	}
	d.tally(c, w, w.parts)
	if w.silent {
		return
	}
	d.calls[callID{w.client, w.number}] = w
	w.next = c.latest
	if w.next != nil {
		w.next.prev = w
	}
	c.latest = w
}

// unfollow undoes follow.
func (d *Desk) unfollow(w *waiter) {
	c := d.clients[w.client]
	d.tally(c, w, -w.parts)
	if c.parts == 0 {
		delete(d.clients, w.client)
	}
	if w.silent {
		return
	}
	delete(d.calls, callID{w.client, w.number})
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		c.latest = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

// tally counts parts of requests of a client, or with a number below 0 their end.
func (d *Desk) tally(c *client, w *waiter, parts int) {
	c.parts += parts
	if Reserved(w.call.service.name) {
		c.reserved += parts
	}
	if w.silent {
		d.oneWay += parts
	}
}
