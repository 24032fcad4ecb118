// Package broadcast wakes every goroutine that waits for a change. It stands beside the layers,
// uses nothing of ours, and is used wherever state has a channel that is closed when it changes.
package broadcast

// Signal tells of changes to what a lock guards. The zero value is ready to use. Its methods
// are called under that lock.
type Signal struct{ changed chan struct{} }

// Changed returns a channel that is closed by the next Notify.
func (s *Signal) Changed() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// Notify wakes all that wait on channels of Changed. It costs nothing if none do.
func (s *Signal) Notify() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}
