package desk

import (
	"maps"
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Shut refuses all requests from now on, so that the broker can stop when
// [Desk.Load] has no calls left. Those for reserved services are taken while these
// have a worker, so that the broker can be asked how it goes on. What waits for a
// service without a worker is refused at once, now and when the last one goes.
func (d *Desk) Shut(now time.Duration) []Action {
	d.beginEvent(now)
	d.shut = true
	for _, name := range slices.Sorted(maps.Keys(d.services)) {
		d.touch(d.services[name])
	}
	return d.endEvent()
}

// sendAway refuses what waits in the queue of a service.
func (d *Desk) sendAway(s *service) {
	for p := s.queue.first; p != nil; p = s.queue.first {
		d.unqueue(p)
		d.conclude(p, stops(), &d.counts.Failed)
	}
}

// stops is the answer to a request that ends because the broker stops.
func stops() Answer { return refused(mitterev1.Code_CODE_UNAVAILABLE, "the broker stops") }

// End ends everything at once: workers are disconnected, and calls answered with
// UNAVAILABLE, refused if no worker had them.
func (d *Desk) End(now time.Duration) []Action {
	d.beginEvent(now)
	d.shut = true
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		d.dismiss(d.names[name], status(mitterev1.Code_CODE_UNAVAILABLE, "the broker stops"))
	}
	// What is left waits in the queues of services, and every call has a deadline.
	for a := d.alarms.First(); a != nil; a = d.alarms.First() {
		for _, p := range a.call.parts {
			if !p.ended {
				d.unqueue(p)
				d.conclude(p, stops(), &d.counts.Failed)
			}
		}
	}
	return d.endEvent()
}
