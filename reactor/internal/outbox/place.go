package outbox

import "time"

// hasPlace reports under the lock whether there is a place for a message. What is last has
// one beyond the limits, which is bounded too, for a peer may start streams and never read.
// Where nothing is kept, one message of any size has a place.
func (o *Outbox) hasPlace(peer string, size int, r Rank) bool {
	most := o.Bytes
	if r == Last {
		most += o.Bytes / 4
	}
	fits := o.bytes == 0 || o.bytes+size <= most
	if r == Item {
		fits = fits && (o.itemBytes == 0 || o.itemBytes+size <= o.Bytes/2)
	}
	return fits && o.hasNumber(peer, r)
}

// hasNumber reports under the lock whether a peer may have one more message of a rank.
func (o *Outbox) hasNumber(peer string, r Rank) bool {
	var replies, items int
	if q := o.peers[peer]; q != nil {
		replies, items = len(q.messages)-q.items, q.items
	}
	switch r {
	case Item:
		return items < o.Limit
	case Reply:
		return replies < o.Limit
	default:
		return true
	}
}

// makesPlace reports whether there is a place for a message. Where others have filled all
// of it, the peer that has most makes place, if that is more than this one would have.
func (o *Outbox) makesPlace(peer string, size int, r Rank) bool {
	for {
		fits, victim := o.placeOr(peer, size, r)
		if victim == nil {
			return fits
		}
		o.Evicted(*victim, o.drop(*victim))
	}
}

// placeOr returns whether there is a place, or else who can make it; nil if nobody can.
// Items are no reason: they can wait.
func (o *Outbox) placeOr(peer string, size int, r Rank) (fits bool, victim *string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hasPlace(peer, size, r) {
		return true, nil
	}
	if r == Item || !o.hasNumber(peer, r) {
		return false, nil
	}
	if own := o.peers[peer]; own != nil {
		size += own.bytes
	}
	for other, q := range o.peers {
		if q.bytes > size {
			size, victim = q.bytes, &other
		}
	}
	return false, victim
}

// drop takes all messages for a peer out, and returns how many there were.
func (o *Outbox) drop(peer string) (messages int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.evict(peer)
}

// evict takes all messages for a peer out, under the lock.
func (o *Outbox) evict(peer string) (messages int) {
	q := o.peers[peer]
	if q == nil {
		return 0
	}
	for _, k := range q.messages {
		if k.rank == Item {
			o.itemBytes -= k.size
		}
	}
	o.bytes -= q.bytes
	delete(o.peers, peer)
	o.moved.Notify()
	return len(q.messages)
}

// EvictIdle drops what is kept for peers that have taken nothing since then, and keeps
// nothing for them any more. It returns how many messages that were.
func (o *Outbox) EvictIdle(then time.Time) (lost int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for peer, q := range o.peers {
		if !q.since.After(then) {
			o.shut[peer] = true
			lost += o.evict(peer)
		}
	}
	return lost
}
