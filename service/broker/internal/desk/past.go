package desk

import "time"

// pastLegs is how many legs that have ended are known, as a power of two.
const pastLegs = 4096

// past knows how the latest legs ended, to tell late replies from duplicates. Its
// size is fixed, and beyond it a reply to an old leg counts as late.
type past [pastLegs]pastLeg

// pastLeg is a leg that has ended.
type pastLeg struct {
	leg      uint64
	worker   Peer
	answered bool
}

// note notes how a leg ended.
func (p *past) note(leg uint64, worker Peer, answered bool) {
	p[leg%pastLegs] = pastLeg{leg, worker, answered}
}

// count counts a message of a worker that belongs to nothing.
func (d *Desk) count(from Peer, leg uint64) {
	e := d.past[leg%pastLegs]
	switch {
	case leg == 0 || leg > d.leg || d.legs[leg] != nil || e.leg == leg && e.worker != from:
		d.counts.Foreign++
	case e.leg == leg && e.answered:
		d.counts.Duplicates++
	default:
		d.counts.Late++
	}
}

// Stray counts an answer, to a leg, of a peer that is no worker any more, which is
// dropped. It is for protocols that tell such a peer themselves; [Desk.Reply] counts it as
// well, and has it told. Nothing is to be done then, and it is no event.
func (d *Desk) Stray(from Peer, leg uint64) { d.count(from, leg) }

// memory knows the keys of requests that have ended and may have been executed.
// It is bounded: the oldest go first.
type memory struct {
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

// newMemory returns an empty memory.
func newMemory(age time.Duration, most int) memory {
	return memory{age: age, most: most, ended: map[Key]time.Duration{}}
}

// note notes that the request of a key has ended.
func (m *memory) note(key Key, now time.Duration) {
	m.ended[key] = now
	m.order = append(m.order, remembered{key, now})
	for len(m.order) > m.most {
		m.forget()
	}
}

// knows reports whether the request of a key has ended lately.
func (m *memory) knows(key Key) bool {
	_, known := m.ended[key]
	return known
}

// next returns when the oldest key is forgotten.
func (m *memory) next() (at time.Duration, ok bool) {
	if len(m.order) == 0 {
		return 0, false
	}
	return m.order[0].at + m.age, true
}

// expire forgets what is too old.
func (m *memory) expire(now time.Duration) {
	for len(m.order) > 0 && m.order[0].at+m.age <= now {
		m.forget()
	}
}

// forget forgets the oldest.
func (m *memory) forget() {
	r := m.order[0]
	m.order = m.order[1:]
	if m.ended[r.key] == r.at {
		delete(m.ended, r.key)
	}
	if len(m.order) == 0 {
		m.order = nil
	}
}
