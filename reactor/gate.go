package reactor

import (
	"container/list"
	"sync"

	"github.com/mittere/mittere/messaging"
)

// gate lets a bounded number of jobs run at once, each on a goroutine that runs
// nothing else meanwhile, and a bounded number wait. Jobs of one key run one after
// the other, in the order in which they came. It never makes anybody wait who brings
// a job.
//
// A goroutine that has done with a job runs the next one that waits, or is kept for
// one that comes: a new one would grow its stack anew for each job, which takes as
// long as much of the rest of a short call.
type gate struct {
	limit int // that run
	room  int // that wait
	most  int // bytes of those, but for one that is larger

	mu      sync.Mutex
	running int
	coming  int             // those that will be brought
	busy    map[string]bool // keys of those that run
	waiting *list.List      // of *job
	bytes   int             // of those
	runners sync.WaitGroup
	spare   []chan *job   // of those who have nothing to do; the last one came last
	empty   chan struct{} // closed when nothing runs or waits; nil if nobody asks

	finished bool // no further job comes
}

// job is something to do. It may be given to a gate once.
type job struct {
	key   string
	size  int // bytes that it holds while it waits
	do    func()
	waits func()        // called when it is put in the queue, under the lock; may be nil
	place *list.Element // while it waits
}

// maxSpare is how many goroutines are kept that have nothing to do.
const maxSpare = 256

// newGate returns a gate without jobs.
func newGate(limit, room, most int) *gate {
	return &gate{limit: limit, room: room, most: most, busy: map[string]bool{}, waiting: list.New()}
}

// expect announces a job that will be brought to admit: until then the gate is not
// idle.
func (g *gate) expect() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.coming++
}

// admitExpected is admit for a job that was announced.
func (g *gate) admitExpected(j *job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.coming--
	defer g.settle()
	return g.place(j)
}

// borrow begins a job that was announced and that who brings it runs, and tells end of
// its end; false means that it may not run at once, and is still to be brought.
func (g *gate) borrow(j *job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running >= g.limit || g.busy[j.key] {
		return false
	}
	g.coming--
	g.begin(j)
	return true
}

// end notes that a borrowed job has ended, and has another one run in its place.
func (g *gate) end(j *job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if next := g.replace(j); next != nil {
		g.hand(next)
		return
	}
	g.settle()
}

// admit runs a job, or puts it in the queue; false means that there is no place.
func (g *gate) admit(j *job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.place(j)
}

// place is admit under the lock.
func (g *gate) place(j *job) bool {
	switch {
	case g.running < g.limit && !g.busy[j.key]:
		g.start(j)
	case g.waiting.Len() < g.room && (g.bytes == 0 || g.bytes+j.size <= g.most):
		j.place = g.waiting.PushBack(j)
		g.bytes += j.size
		if j.waits != nil {
			j.waits()
		}
	default:
		return false
	}
	return true
}

// withdraw takes a job out of the queue; false means that it has begun.
func (g *gate) withdraw(j *job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if j.place == nil {
		return false
	}
	g.unqueue(j)
	return true
}

// unqueue takes a job out of the queue, under the lock.
func (g *gate) unqueue(j *job) {
	g.waiting.Remove(j.place)
	g.bytes -= j.size
	j.place = nil
}

// start has a job run, under the lock.
func (g *gate) start(j *job) {
	g.begin(j)
	g.hand(j)
}

// hand gives a job that has begun to whoever became idle last: their stack is the
// warmest.
func (g *gate) hand(j *job) {
	if last := len(g.spare) - 1; last >= 0 {
		g.spare[last] <- j // has room: it is taken out with it
		g.spare = g.spare[:last]
		return
	}
	g.runners.Go(func() { g.run(j) })
}

// begin notes that a job runs.
func (g *gate) begin(j *job) {
	g.running++
	if j.key != "" {
		g.busy[j.key] = true
	}
}

// run runs a job, and then others until there is no use for it any more.
func (g *gate) run(j *job) {
	jobs := make(chan *job, 1)
	defer func() {
		if j != nil { // it ended this goroutine, by runtime.Goexit: another one goes on in its place
			g.runners.Go(func() { g.run(&job{key: j.key, do: func() {}}) })
		}
	}()
	for j != nil {
		j.do()
		if j = g.done(j, jobs); j == nil {
			j = <-jobs // nil if it is closed
		}
	}
}

// done notes that a job has ended, and returns what may run in its place. If that is
// nothing, the next job comes through the channel, which is closed if none does.
func (g *gate) done(j *job, jobs chan *job) (next *job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if next = g.replace(j); next != nil {
		return next
	}
	if g.finished || len(g.spare) == maxSpare {
		close(jobs)
	} else {
		g.spare = append(g.spare, jobs)
	}
	g.settle()
	return nil
}

// replace notes that a job has ended and begins the first one that waits and may run,
// nil if there is none. More than one never may: one place and one key became free.
func (g *gate) replace(j *job) *job {
	g.running--
	delete(g.busy, j.key)
	for e := g.waiting.Front(); e != nil && g.running < g.limit; e = e.Next() {
		if next := e.Value.(*job); !g.busy[next.key] {
			g.unqueue(next)
			g.begin(next)
			return next
		}
	}
	return nil
}

// settle tells those who wait for it that nothing runs or waits any more.
func (g *gate) settle() {
	if g.running+g.coming == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// idle returns a channel that is closed when nothing runs or waits.
func (g *gate) idle() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	idle := g.empty
	if idle == nil {
		idle = make(chan struct{})
	}
	g.empty = idle
	g.settle()
	return idle
}

// full returns the error of what finds no place.
func (g *gate) full() *messaging.Error {
	running, waiting := g.counts()
	return messaging.Errorf(messaging.ResourceExhausted, "%d requests run, of %d at most, and %d wait, of %d and %d bytes at most",
		running, g.limit, waiting, g.room, g.most)
}

// counts returns how many jobs run and how many wait.
func (g *gate) counts() (running, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running, g.waiting.Len()
}

// finish waits until all jobs have run; admit is not called any more.
func (g *gate) finish() {
	g.dismiss()
	g.runners.Wait()
}

// dismiss ends those who have nothing to do, and those who will have nothing.
func (g *gate) dismiss() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.finished = true
	for _, jobs := range g.spare {
		close(jobs)
	}
	g.spare = nil
}
