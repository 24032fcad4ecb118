package desk

// list holds parts: a queue of a service or worker, or what a worker has. A part
// is in one list at most. Its zero value is empty.
type list struct {
	first, last *part
	len         int
	restored    *part // the latest that was put back, while it is here
}

// push puts a part behind all others.
func (l *list) push(p *part) { l.insert(p, l.last) }

// restore puts a part back where it belongs by the order in which requests came: near the
// front, for it was taken from there, and near what was put back before it, for what a lost
// worker had comes together.
func (l *list) restore(p *part) {
	before := l.restored
	for before != nil && before.call.order >= p.call.order {
		before = before.prev
	}
	next := l.first
	if before != nil {
		next = before.next
	}
	for ; next != nil && next.call.order < p.call.order; next = next.next {
		before = next
	}
	l.insert(p, before)
	l.restored = p
}

// insert puts a part behind another one, in front of all if that is nil.
func (l *list) insert(p, before *part) {
	p.list, p.prev = l, before
	if before == nil {
		p.next, l.first = l.first, p
	} else {
		p.next, before.next = before.next, p
	}
	if p.next == nil {
		l.last = p
	} else {
		p.next.prev = p
	}
	l.len++
}

// unlist takes a part out of its list.
func (p *part) unlist() {
	l := p.list
	if l.restored == p {
		l.restored = p.prev
	}
	if p.prev == nil {
		l.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		l.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	p.list, p.prev, p.next = nil, nil, nil
	l.len--
}
