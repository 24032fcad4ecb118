package service

import (
	"time"

	"github.com/mittere/mittere/registry"
)

// graceLength is how long the grace period of a registry lasts that was started again:
// services register again at once when they notice, and they notice within a lease.
const graceLength = registry.DefaultLease

// gracePeriod follows a registry that was started again. In the period the registry may not
// know all instances yet, so that an instance which it does not list stays while there is a
// session with it. One goroutine uses it.
type gracePeriod struct {
	epoch string           // the run of the registry that is known
	over  <-chan time.Time // when the period ends; nil outside of one
}

// observe notes which run of the registry its view is of, empty if none has answered yet,
// and reports whether this is within the grace period.
func (g *gracePeriod) observe(epoch []byte) bool {
	if g.epoch != "" && g.epoch != string(epoch) {
		g.over = time.After(graceLength)
	}
	g.epoch = string(epoch)
	return g.over != nil
}

// end ends the period.
func (g *gracePeriod) end() { g.over = nil }
