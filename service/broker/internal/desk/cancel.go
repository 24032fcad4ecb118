package desk

import (
	"math"
	"time"
)

// Cancel ends a call from the client's side. It is not answered, and nothing of the
// call goes to the client any more. A cancel of what has ended is ignored.
func (d *Desk) Cancel(now time.Duration, from Peer, call uint64) []Action {
	d.beginEvent(now)
	if w := d.calls[callID{from, call}]; w != nil {
		d.counts.Cancelled++
		d.leaveCall(w)
	}
	return d.endEvent()
}

// Credit lets the worker of this name send further items of a call; "" is each of its
// workers, which may send as many each. For what has ended, and for a worker that has
// nothing of the call, it is ignored.
func (d *Desk) Credit(now time.Duration, from Peer, call uint64, worker string, items uint32) []Action {
	d.beginEvent(now)
	w := d.calls[callID{from, call}]
	if w == nil || items == 0 {
		return d.endEvent()
	}
	for _, p := range w.call.partsOf(worker) {
		if !p.ended {
			d.credit(p, items)
		}
	}
	return d.endEvent()
}

// partsOf returns the parts of a call that the worker of a name has; "" is all of them. A call
// of many workers is asked for each of them again and again.
func (c *call) partsOf(worker string) []*part {
	switch {
	case worker == "":
		return c.parts
	case len(c.parts) == 1:
		if c.parts[0].name() != worker {
			return nil
		}
		return c.parts
	case c.named == nil: // each waits for its worker alone, so that this holds to the end
		c.named = make(map[string][]*part, len(c.parts))
		for _, p := range c.parts {
			c.named[p.name()] = append(c.named[p.name()], p)
		}
	}
	return c.named[worker]
}

// credit lets the worker of a part, now or later, send further items of it; how soon is
// another thing, see grant.
func (d *Desk) credit(p *part, items uint32) {
	p.credit += min(items, math.MaxUint32-p.credit)
	d.grant(p)
}
