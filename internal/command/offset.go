package command

import "time"

// Offset estimates how far a peer's clock is from ours: the least (own - sent) of
// the latest messages is the offset with the shortest way. It needs no common clock,
// and since old samples are forgotten, clocks may drift. Its zero value knows
// nothing.
type Offset struct {
	now, before time.Duration // the least of this period, and of the one before
	since       time.Duration // when this period began
	any, older  bool          // whether now and before were measured
}

// Sample notes that what was sent at a time of the peer's clock came at a time of
// ours. Samples count for one to two periods, and for three if they come seldom.
func (o *Offset) Sample(sent, came, period time.Duration) {
	if o.any && came-o.since > period {
		o.before, o.older = o.now, came-o.since <= 2*period
		o.any = false
	}
	if !o.any {
		o.now, o.since, o.any = came-sent, came, true
		return
	}
	o.now = min(o.now, came-sent)
}

// Age returns how long ago something was sent, beyond the shortest way: at least
// 0. Its own sample must have been taken.
func (o *Offset) Age(sent, came time.Duration) time.Duration {
	least := o.now
	if o.older {
		least = min(least, o.before)
	}
	return max(came-sent-least, 0)
}
