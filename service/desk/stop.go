package desk

import (
	"maps"
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Shut refuses all requests from now on, so that the broker can stop when
// [Desk.Load] has no calls left.
func (d *Desk) Shut(now time.Duration) []Action {
	d.begin(now)
	d.shut = true
	return d.end()
}

// End ends everything at once: workers are disconnected, and calls answered with
// UNAVAILABLE, refused if no worker had them.
func (d *Desk) End(now time.Duration) []Action {
	d.begin(now)
	d.shut = true
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		d.dismiss(d.names[name], status(mitterev1.Code_CODE_UNAVAILABLE, "the broker stops"))
	}
	// What is left waits in the queues of services, and every call has a deadline.
	for a := d.alarms.first(); a != nil; a = d.alarms.first() {
		for _, p := range a.call.parts {
			if !p.ended {
				d.unqueue(p)
				d.conclude(p, refused(mitterev1.Code_CODE_UNAVAILABLE, "the broker stops"), &d.counts.Failed)
			}
		}
	}
	return d.end()
}
