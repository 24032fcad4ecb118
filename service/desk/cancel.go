package desk

import (
	"math"
	"time"
)

// Cancel ends a call from the client's side. It is not answered, and nothing of the
// call goes to the client any more. A cancel of what has ended is ignored.
func (d *Desk) Cancel(now time.Duration, from Peer, call uint64) []Action {
	d.begin(now)
	if w := d.calls[callID{from, call}]; w != nil {
		d.counts.Cancelled++
		d.leave(w)
	}
	return d.end()
}

// Credit lets the workers of a call send further items: each of them as many, if
// there are several. For what has ended it is ignored.
func (d *Desk) Credit(now time.Duration, from Peer, call uint64, items uint32) []Action {
	d.begin(now)
	w := d.calls[callID{from, call}]
	if w == nil || items == 0 {
		return d.end()
	}
	c := w.call
	c.credit += min(items, math.MaxUint32-c.credit) // for whoever gets it later
	for _, p := range c.parts {
		if !p.ended && p.leg != 0 {
			d.act(CreditLeg{To: p.worker.peer, Leg: p.leg, Items: items})
			p.worker.said = d.now
		}
	}
	return d.end()
}
