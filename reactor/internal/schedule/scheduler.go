package schedule

import "sync"

// Scheduler lets a bounded number of jobs run at once, each on a goroutine that runs nothing
// else meanwhile. Jobs of one key run one after the other, in the order in which they came. All
// methods may be called by any number of goroutines at once.
//
// A job is brought on a [Lane], which says what becomes of it when it may not run at once.
type Scheduler struct {
	limit int // that run

	mu      sync.Mutex // guards what follows, and the lanes
	running int
	busy    map[string]bool // keys of those that run
	waiting queue
	runners runners
}

// Job is something to do. It is brought once.
type Job struct {
	// Task is what is done.
	Task Task
	// Key is the key of jobs that run one after the other; empty for none.
	Key string
	// Size is how many bytes it holds while it waits.
	Size int

	lane     *Lane // while it waits
	previous *Job
	next     *Job
}

// Task is what a job does.
type Task interface {
	// Run does it.
	Run()
	// Queued is called when the job has to wait, before it runs, under the lock of the
	// scheduler.
	Queued()
}

// New returns a scheduler without jobs.
func New(limit int) *Scheduler { return &Scheduler{limit: limit, busy: map[string]bool{}} }

// Limit returns how many jobs may run at once.
func (s *Scheduler) Limit() int { return s.limit }

// Begin begins a job that the caller runs itself, who then calls End; false means that it
// may not run at once, and is still to be brought.
func (s *Scheduler) Begin(j *Job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begin(j)
}

// End notes that a job has ended that the caller ran, and has another one run in its place.
func (s *Scheduler) End(j *Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next := s.replace(j); next != nil {
		s.hand(next)
	}
}

// Withdraw takes back a job that waits; false means that it has begun.
func (s *Scheduler) Withdraw(j *Job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.lane == nil {
		return false
	}
	s.leave(j)
	return true
}

// Expel runs all jobs that wait, beside those that run and one after the other: they are to find
// out that there is no time for them any more.
func (s *Scheduler) Expel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var expelled []*Job
	for s.waiting.first != nil {
		expelled = append(expelled, s.waiting.first)
		s.leave(s.waiting.first)
	}
	if len(expelled) == 0 {
		return
	}
	s.runners.group.Go(func() {
		for _, j := range expelled {
			j.Task.Run()
		}
	})
}

// Counts returns how many jobs run and how many wait.
func (s *Scheduler) Counts() (running, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running, s.waiting.length
}

// Finish waits until all jobs have run; none is brought any more.
func (s *Scheduler) Finish() {
	s.mu.Lock()
	s.runners.dismiss()
	s.mu.Unlock()
	s.runners.group.Wait()
}

// begin notes under the lock that a job runs; false means that it may not run at once.
func (s *Scheduler) begin(j *Job) bool {
	if s.running >= s.limit || j.Key != "" && s.busy[j.Key] {
		return false
	}
	s.running++
	if j.Key != "" {
		s.busy[j.Key] = true
	}
	return true
}

// leave takes a job out of the queue, under the lock.
func (s *Scheduler) leave(j *Job) {
	s.waiting.remove(j)
	j.lane.leave(j)
	j.lane = nil
}

// replace notes under the lock that a job has ended, and begins the first one that waits and
// may run; nil if there is none. More than one never may: one place and one key became free.
func (s *Scheduler) replace(j *Job) *Job {
	s.running--
	if j.Key != "" {
		delete(s.busy, j.Key)
	}
	for next := s.waiting.first; next != nil && s.running < s.limit; next = next.next {
		if s.begin(next) {
			s.leave(next)
			return next
		}
	}
	return nil
}
