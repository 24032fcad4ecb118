package reactor

import (
	"container/list"
	"sync"

	"github.com/mittere/mittere/messaging"
)

// gate lets a bounded number of jobs run at once, each on a goroutine of its own,
// and a bounded number wait. Jobs of one key run one after the other, in the order
// in which they came. It never makes anybody wait who brings a job.
type gate struct {
	limit int // that run
	room  int // that wait

	mu      sync.Mutex
	running int
	coming  int             // those that will be brought
	busy    map[string]bool // keys of those that run
	waiting *list.List      // of *job
	jobs    sync.WaitGroup
	empty   chan struct{} // closed when nothing runs or waits; nil if nobody asks
}

// job is something to do. It may be given to a gate once.
type job struct {
	key   string
	do    func()
	place *list.Element // while it waits
}

// newGate returns a gate without jobs.
func newGate(limit, room int) *gate {
	return &gate{limit: limit, room: room, busy: map[string]bool{}, waiting: list.New()}
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
	case g.waiting.Len() < g.room:
		j.place = g.waiting.PushBack(j)
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
	g.waiting.Remove(j.place)
	j.place = nil
	return true
}

// start runs a job.
func (g *gate) start(j *job) {
	g.running++
	if j.key != "" {
		g.busy[j.key] = true
	}
	g.jobs.Go(func() {
		defer g.done(j)
		j.do()
	})
}

// done notes that a job has ended, and starts what may run in its place.
func (g *gate) done(j *job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	delete(g.busy, j.key)
	for e := g.waiting.Front(); e != nil && g.running < g.limit; {
		next := e.Next()
		if waits := e.Value.(*job); !g.busy[waits.key] {
			g.waiting.Remove(e)
			waits.place = nil
			g.start(waits)
		}
		e = next
	}
	g.settle()
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
	return messaging.Errorf(messaging.ResourceExhausted, "%d requests run and %d wait, which is the limit", g.limit, g.room)
}

// counts returns how many jobs run and how many wait.
func (g *gate) counts() (running, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running, g.waiting.Len()
}

// finish waits until all jobs have run; admit is not called any more.
func (g *gate) finish() { g.jobs.Wait() }
