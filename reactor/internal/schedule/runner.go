package schedule

import "sync"

// runners are the goroutines that run jobs. One that has done with a job runs the next one that
// waits, or is kept for one that comes: a new goroutine would grow its stack anew for each job,
// which takes as long as much of the rest of a short call. The lock of the scheduler guards
// them.
type runners struct {
	group    sync.WaitGroup
	spare    []chan *Job // of the idle ones, the last of which came last
	finished bool        // no further job comes
}

// maxSpare is how many goroutines are kept that have nothing to do.
const maxSpare = 256

// hand gives a job that has begun to the runner that became idle last: its stack is the
// warmest.
func (s *Scheduler) hand(j *Job) {
	r := &s.runners
	if last := len(r.spare) - 1; last >= 0 {
		r.spare[last] <- j // has room: it is taken out with it
		r.spare = r.spare[:last]
		return
	}
	r.group.Go(func() { s.run(j) })
}

// run runs a job, and then others until there is no use for the goroutine any more.
func (s *Scheduler) run(j *Job) {
	jobs := make(chan *Job, 1)
	defer func() {
		if j != nil { // it ended this goroutine, by runtime.Goexit: another one goes on in its place
			s.runners.group.Go(func() { s.run(&Job{Key: j.Key, Task: nothing{}}) })
		}
	}()
	for j != nil {
		j.Task.Run()
		if j = s.done(j, jobs); j == nil {
			j = <-jobs // nil if it is closed
		}
	}
}

// nothing is the rest of a job that ended its goroutine.
type nothing struct{}

func (nothing) Run()    {}
func (nothing) Queued() {}

// done notes that a job has ended, and returns what may run in its place. If that is
// nothing, the next job comes through the channel, which is closed if none does.
func (s *Scheduler) done(j *Job, jobs chan *Job) (next *Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next = s.replace(j); next == nil {
		s.runners.keep(jobs)
	}
	return next
}

// keep keeps a runner that has nothing to do, unless there are enough.
func (r *runners) keep(jobs chan *Job) {
	if r.finished || len(r.spare) == maxSpare {
		close(jobs)
		return
	}
	r.spare = append(r.spare, jobs)
}

// dismiss ends the runners that have nothing to do, and those that will have nothing.
func (r *runners) dismiss() {
	r.finished = true
	for _, jobs := range r.spare {
		close(jobs)
	}
	r.spare = nil
}
