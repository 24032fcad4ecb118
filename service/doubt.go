package service

import (
	"time"

	"github.com/mittere/mittere/registry"
)

// doubtTime is how long a registry is doubted that was started again: services
// register again at once when they notice, and they notice within a lease.
const doubtTime = registry.DefaultLease

// doubt tells when a registry is not to be believed that an instance is gone: it
// was started again, and what it does not name it may have forgotten. Whoever has
// a session with an instance knows better. One goroutine uses it.
type doubt struct {
	epoch string           // the run of the registry that is known
	over  <-chan time.Time // when the doubt ends; nil if there is none
}

// hear notes which run of the registry speaks, empty if none ever has, and reports
// whether it is doubted.
func (d *doubt) hear(epoch []byte) bool {
	if d.epoch != "" && d.epoch != string(epoch) {
		d.over = time.After(doubtTime)
	}
	d.epoch = string(epoch)
	return d.over != nil
}

// end ends the doubt.
func (d *doubt) end() { d.over = nil }
