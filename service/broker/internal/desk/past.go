package desk

import "time"

// pastDeliveries is how many deliveries that have ended are known, as a power of two.
const pastDeliveries = 4096

// past knows how the latest deliveries ended, to tell late replies from duplicates. Its
// size is fixed, and beyond it a reply to an old delivery counts as late.
type past [pastDeliveries]pastDelivery

// pastDelivery is a delivery that has ended.
type pastDelivery struct {
	delivery uint64
	worker   Peer
	answered bool
}

// note notes how a delivery ended.
func (p *past) note(delivery uint64, worker Peer, answered bool) {
	p[delivery%pastDeliveries] = pastDelivery{delivery, worker, answered}
}

// count counts a message of a worker that belongs to nothing.
func (d *Desk) count(from Peer, delivery uint64) {
	e := d.past[delivery%pastDeliveries]
	switch {
	case delivery == 0 || delivery > d.lastDelivery || d.deliveries[delivery] != nil || e.delivery == delivery && e.worker != from:
		d.counts.Foreign++
	case e.delivery == delivery && e.answered:
		d.counts.Duplicates++
	default:
		d.counts.Late++
	}
}

// Stray counts an answer, to a delivery, of a peer that is no worker any more, which is
// dropped. It is for protocols that tell such a peer themselves; [Desk.Reply] counts it as
// well, and has it told. Nothing is to be done then, and it is no event.
func (d *Desk) Stray(from Peer, delivery uint64) { d.count(from, delivery) }

// dedup is the deduplication cache: the keys of requests that have ended and may have been
// executed.
// It is bounded: the oldest go first.
type dedup struct {
	age   time.Duration
	ended map[Key]time.Duration
	order []remembered // oldest first
	most  int
}

// remembered is a key, and when it was noted.
type remembered struct {
	key Key
	at  time.Duration
}

// newDedup returns an empty cache.
func newDedup(age time.Duration, most int) dedup {
	return dedup{age: age, most: most, ended: map[Key]time.Duration{}}
}

// note notes that the request of a key has ended.
func (m *dedup) note(key Key, now time.Duration) {
	m.ended[key] = now
	m.order = append(m.order, remembered{key, now})
	for len(m.order) > m.most {
		m.dropOldest()
	}
}

// knows reports whether the request of a key has ended lately.
func (m *dedup) knows(key Key) bool {
	_, known := m.ended[key]
	return known
}

// next returns when the oldest key is forgotten.
func (m *dedup) next() (at time.Duration, ok bool) {
	if len(m.order) == 0 {
		return 0, false
	}
	return m.order[0].at + m.age, true
}

// expire forgets what is too old.
func (m *dedup) expire(now time.Duration) {
	for len(m.order) > 0 && m.order[0].at+m.age <= now {
		m.dropOldest()
	}
}

// dropOldest forgets the oldest.
func (m *dedup) dropOldest() {
	r := m.order[0]
	m.order = m.order[1:]
	if m.ended[r.key] == r.at {
		delete(m.ended, r.key)
	}
	if len(m.order) == 0 {
		m.order = nil
	}
}
