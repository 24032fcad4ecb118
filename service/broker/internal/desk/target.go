package desk

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Target says which workers of the service get a request.
type Target struct {
	Kind  TargetKind // of the target
	Names []string   // of workers, if the kind is Named; as many as there may be workers
}

// TargetKind is a kind of target.
type TargetKind int

const (
	// Any is the worker that is least busy; the request waits if there is none.
	Any TargetKind = iota
	// All is each worker that takes requests now.
	All
	// Named are those with the names that are listed. One that is there waits until
	// its worker has room; the others are told at once.
	Named
)

// choose returns the workers of a service that a request means, and the names that
// none of them has. Workers that drain are not meant, unless it is a control request. The service
// may be nil.
func (s *service) choose(r *Request) (chosen []*worker, unknown []string) {
	if r.Target.Kind == All {
		return s.takers(r), nil
	}
	seen := make(map[string]bool, len(r.Target.Names))
	for _, name := range r.Target.Names {
		if seen[name] {
			continue
		}
		seen[name] = true
		if w := s.member(name); w != nil && w.takes(r) {
			chosen = append(chosen, w)
		} else {
			unknown = append(unknown, name)
		}
	}
	return chosen, unknown
}

// member returns the worker of a name, nil if the service has none.
func (s *service) member(name string) *worker {
	if s == nil {
		return nil
	}
	return s.members[name]
}

// takers returns the workers of a service that take a request, ordered by name.
func (s *service) takers(r *Request) (found []*worker) {
	if s == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		if w := s.members[name]; w.takes(r) {
			found = append(found, w)
		}
	}
	return found
}

// noWorker is the answer to a target that means no worker. The service may be nil.
func (s *service) noWorker(r *Request, unknown []string) Answer {
	switch {
	case len(unknown) > 0:
		return refused(mitterev1.Code_CODE_NOT_FOUND, "%s", s.absent(r.Service, unknown))
	case s != nil && len(s.members) > 0:
		return refused(mitterev1.Code_CODE_UNAVAILABLE, "no worker of the service %q takes requests now: all of them drain", r.Service)
	default:
		return refused(mitterev1.Code_CODE_UNAVAILABLE, "the service %q has no worker", r.Service)
	}
}

// absent says why no worker of these names gets a request: there is none, or it drains.
func (s *service) absent(service string, names []string) string {
	var draining, unknown []string
	for _, name := range names {
		if s.member(name) != nil {
			draining = append(draining, name)
		} else {
			unknown = append(unknown, name)
		}
	}
	var said []string
	if len(unknown) > 0 {
		said = append(said, fmt.Sprintf("no worker of the service %q has a name of %s", service, listed(unknown)))
	}
	if len(draining) > 0 {
		verb := "takes"
		if len(draining) > 1 {
			verb = "take"
		}
		said = append(said, fmt.Sprintf("%s of the service %q %s no requests now", listed(draining), service, verb))
	}
	return strings.Join(said, "; ")
}
