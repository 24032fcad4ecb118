package registry

import "time"

// clock is the time that leases are measured by. It leaves out process pauses, as by
// SIGSTOP or in a suspended machine. Otherwise all leases would have ended after one, also
// of owners that renew them as they should.
type clock struct {
	last    time.Time     // when it was last asked
	skipped time.Duration // of all pauses
}

// processPause is for how long no call asks a clock whose process is stopped. One
// that runs asks far more often.
const processPause = time.Second

// now returns the clock's time at a real time, which never goes backwards.
func (c *clock) now(real time.Time) time.Time {
	if gap := real.Sub(c.last); !c.last.IsZero() && gap > processPause {
		c.skipped += gap
	}
	c.last = real
	return real.Add(-c.skipped)
}
