package desk

import (
	"maps"
	"slices"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Target says which workers of the service get a request.
type Target struct {
	Kind  TargetKind // of the target
	Names []string   // of workers, if the kind is Named
}

// TargetKind is a kind of target.
type TargetKind int

const (
	// Any is whoever is least busy; the request waits if nobody is there.
	Any TargetKind = iota
	// All is each worker that takes requests now.
	All
	// Named are those with the names that are listed. One that is there waits until
	// its worker has room; the others are told at once.
	Named
)

// choose returns the workers of a service that a target means, and the names that
// none of them has. Workers that drain are not meant. The service may be nil.
func (s *service) choose(t Target) (chosen []*worker, unknown []string) {
	if t.Kind == All {
		return s.open(), nil
	}
	seen := make(map[string]bool, len(t.Names))
	for _, name := range t.Names {
		if seen[name] {
			continue
		}
		seen[name] = true
		if w := s.member(name); w != nil && w.open() {
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

// open returns the workers of a service that take requests, ordered by name.
func (s *service) open() (found []*worker) {
	if s == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		if w := s.members[name]; w.open() {
			found = append(found, w)
		}
	}
	return found
}

// nobody is the answer to a target that means no worker.
func nobody(r *Request, unknown []string) Answer {
	if len(unknown) == 0 {
		return refused(mitterev1.Code_CODE_UNAVAILABLE, "the service %q has no worker", r.Service)
	}
	return refused(mitterev1.Code_CODE_NOT_FOUND, "no worker of the service %q has a name of %s", r.Service, listed(unknown))
}
