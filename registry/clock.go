package registry

import "time"

// clock is the time that leases are measured by: it stands still while the whole
// process does, as after SIGSTOP or in a suspended machine. Otherwise all leases
// would have ended when it goes on, of owners who renew them as they should.
type clock struct {
	last    time.Time     // when it was last asked
	skipped time.Duration // how long it stood still, in all
}

// standstill is for how long nobody asks a clock whose process is stopped. One
// that runs asks far more often.
const standstill = time.Second

// now returns the clock's time at a real time, which never goes backwards.
func (c *clock) now(real time.Time) time.Time {
	if gap := real.Sub(c.last); !c.last.IsZero() && gap > standstill {
		c.skipped += gap
	}
	c.last = real
	return real.Add(-c.skipped)
}
