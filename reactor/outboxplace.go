package reactor

// hasPlace reports under the lock whether there is a place for a letter. What is last has
// one beyond the limits, which is bounded too, for a peer may start streams and never read.
// Where nothing is kept, one letter of any size has a place.
func (o *outbox) hasPlace(peer string, size int, r rank) bool {
	most := o.most
	if r == rankLast {
		most += o.most / 4
	}
	fits := o.bytes == 0 || o.bytes+size <= most
	if r == rankItem {
		fits = fits && (o.itemBytes == 0 || o.itemBytes+size <= o.most/2)
	}
	return fits && o.hasNumber(peer, r)
}

// hasNumber reports under the lock whether a peer may have one more letter of a rank.
func (o *outbox) hasNumber(peer string, r rank) bool {
	var replies, items int
	if q := o.peers[peer]; q != nil {
		replies, items = len(q.letters)-q.items, q.items
	}
	switch r {
	case rankItem:
		return items < o.limit
	case rankReply:
		return replies < o.limit
	default:
		return true
	}
}

// makesPlace reports whether there is a place for a letter. Where others have filled all
// of it, the peer that has most makes place, if that is more than this one would have.
func (o *outbox) makesPlace(peer string, size int, r rank) bool {
	for {
		fits, victim := o.placeOr(peer, size, r)
		if victim == nil {
			return fits
		}
		o.lost(*victim, o.drop(*victim))
	}
}

// placeOr returns whether there is a place, or else who can make it; nil if nobody can.
// Items are no reason: they can wait.
func (o *outbox) placeOr(peer string, size int, r rank) (fits bool, victim *string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hasPlace(peer, size, r) {
		return true, nil
	}
	if r == rankItem || !o.hasNumber(peer, r) {
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

// drop takes all letters for a peer out, and returns how many there were.
func (o *outbox) drop(peer string) (letters int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropLocked(peer)
}

// dropLocked is drop under the lock.
func (o *outbox) dropLocked(peer string) (letters int) {
	q := o.peers[peer]
	if q == nil {
		return 0
	}
	for _, k := range q.letters {
		if k.rank == rankItem {
			o.itemBytes -= k.size
		}
	}
	o.bytes -= q.bytes
	delete(o.peers, peer)
	o.move()
	return len(q.letters)
}
