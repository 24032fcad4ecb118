package desk

import (
	"strings"

	"github.com/mittere/mittere/internal/heap"
)

// service is a name under which requests are taken. It is there as long as it has
// a worker or a request.
type service struct {
	name      string
	members   map[string]*worker     // registered, by name
	free      heap.Heap[*membership] // exactly the workers that can get a request now
	queue     list                   // requests for any worker; empty if one is free
	waiting   int                    // requests in the queue, and in those of workers
	accepting int                    // members that take requests, now or later
	fast      int                    // of those in the queue, the ones that fail when no worker takes requests
	inFlight  int                    // requests at workers
	touched   bool                   // it is among those that dispatch looks at
	counted   bool                   // it is among those of its opener in Desk.opened
	opener    Peer                   // whose request made it
}

// maxName bounds the names of services and workers, in bytes.
const maxName = 255

// Reserved reports whether a service's name is the broker's own: workers cannot
// have it (RFC 8) but for those that are too, see [Offer], and requests for it that no
// such worker serves are the caller's to answer.
func Reserved(name string) bool {
	return strings.HasPrefix(name, "mmi.") || strings.HasPrefix(name, "mittere.v1.")
}

// served reports whether a service has a worker.
func (d *Desk) served(name string) bool {
	s := d.services[name]
	return s != nil && len(s.members) > 0
}

// Expect says that the broker's own worker is about to register for a reserved service:
// until it has, requests for that wait, as for any other. Without it they are refused.
func (d *Desk) Expect(service string) { d.expected = service }

// unused reports whether the service has neither workers nor requests.
func (s *service) unused() bool { return len(s.members) == 0 && s.waiting == 0 && s.inFlight == 0 }

// service returns the service of a name, a new one if need be.
func (d *Desk) service(name string) *service {
	s := d.services[name]
	if s == nil {
		s = &service{name: name, members: map[string]*worker{}}
		d.services[name] = s
		d.unserved++
		d.touch(s) // or it stays if nothing comes of this
	}
	return s
}

// requested returns the service of a name that a peer asks for. A new one is counted as that
// peer's until a worker comes or it is unused, so that no peer takes all names.
func (d *Desk) requested(name string, from Peer) *service {
	s := d.services[name]
	if s == nil {
		s = d.service(name)
		s.opener, s.counted = from, true
		d.opened[from]++
	}
	return s
}

// disown counts a service as no peer's any more.
func (d *Desk) disown(s *service) {
	if !s.counted {
		return
	}
	s.counted = false
	if d.opened[s.opener]--; d.opened[s.opener] == 0 {
		delete(d.opened, s.opener)
	}
}

// openedLimit is how many services without a worker one peer's requests may make: a fifth of
// those of all peers.
func (d *Desk) openedLimit() int { return max(d.limits.Services/10, 1) }

// touch has dispatch look at a service: something waits in it, or it may be unused.
func (d *Desk) touch(s *service) {
	if !s.touched {
		s.touched = true
		d.touched = append(d.touched, s)
	}
}
