package schedule

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// plenty is more bytes than any job has.
const plenty = 1 << 30

// forSeeds runs a check with random numbers that are the same in each run.
func forSeeds(t *testing.T, seeds uint64, check func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	for seed := range seeds {
		check(t, rand.New(rand.NewPCG(seed, 7)))
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

// model is a scheduler with one lane as their docs describe them, beside real ones whose jobs
// run until they are told to end.
type model struct {
	*testing.T
	r       *rand.Rand
	s       *Scheduler
	lane    *Lane
	jobs    []*modelJob // all that were admitted
	running []*modelJob
	waiting []*modelJob
}

// modelJob is a job of the model.
type modelJob struct {
	Job
	number        int
	begun, ending chan struct{}
}

// task is a Task made of a function.
type task func()

func (t task) Run()  { t() }
func (task) Queued() {}

// newModelJob returns a job that says when it begins and runs until it is told.
func newModelJob(number int, key string) *modelJob {
	j := &modelJob{number: number, begun: make(chan struct{}), ending: make(chan struct{})}
	j.Job = Job{Key: key, Task: task(func() { close(j.begun); <-j.ending })}
	return j
}

// busy reports whether a job of this key runs.
func (m *model) busy(key string) bool {
	return key != "" && slices.ContainsFunc(m.running, func(j *modelJob) bool { return j.Key == key })
}

// run notes that a job runs, and waits until it does.
func (m *model) run(j *modelJob) {
	select {
	case <-j.begun:
	case <-time.After(time.Minute):
		m.Fatalf("job %d does not begin, and %d run", j.number, len(m.running))
	}
	m.running = append(m.running, j)
}

// admit brings one more job.
func (m *model) admit() {
	key := ""
	if n := m.r.IntN(5); n > 0 {
		key = fmt.Sprint(n)
	}
	j := newModelJob(len(m.jobs), key)
	admitted := m.lane.Offer(&j.Job)
	switch {
	case len(m.running) < m.s.limit && !m.busy(key):
		m.run(j)
	case len(m.waiting) < m.lane.room:
		m.waiting = append(m.waiting, j)
	case admitted:
		m.Fatalf("a job was admitted beyond %d and %d", m.s.limit, m.lane.room)
	default:
		return
	}
	if !admitted {
		m.Fatalf("a job was refused while %d run and %d wait", len(m.running), len(m.waiting))
	}
	m.jobs = append(m.jobs, j)
}

// finish lets one of the running jobs end; those begin that may now.
func (m *model) finish() {
	if len(m.running) == 0 {
		return
	}
	i := m.r.IntN(len(m.running))
	close(m.running[i].ending)
	m.running = slices.Delete(m.running, i, i+1)
	m.waiting = slices.DeleteFunc(m.waiting, func(j *modelJob) bool {
		starts := len(m.running) < m.s.limit && !m.busy(j.Key)
		if starts {
			m.run(j)
		}
		return starts
	})
	m.settle()
}

// settle waits until the scheduler has noticed what ended.
func (m *model) settle() {
	for running, _ := m.s.Counts(); running != len(m.running); running, _ = m.s.Counts() {
		runtime.Gosched()
	}
}

// withdraw takes a job back, which may wait, run, or have ended.
func (m *model) withdraw() {
	if len(m.jobs) == 0 {
		return
	}
	j := m.jobs[m.r.IntN(len(m.jobs))]
	i := slices.Index(m.waiting, j)
	if got := m.s.Withdraw(&j.Job); got != (i >= 0) {
		m.Fatalf("job %d was withdrawn: %v, want %v", j.number, got, i >= 0)
	}
	if i >= 0 {
		m.waiting = slices.Delete(m.waiting, i, i+1)
		close(j.ending)
		j.Task = nil // it must not be called
	}
}

// check compares the scheduler with the model.
func (m *model) check() {
	running, waiting := m.s.Counts()
	if running != len(m.running) || waiting != len(m.waiting) || running > m.s.limit || waiting > m.lane.room {
		m.Fatalf("%d run and %d wait, want %d and %d", running, waiting, len(m.running), len(m.waiting))
	}
	for _, j := range m.waiting {
		select {
		case <-j.begun:
			m.Fatalf("job %d runs before its turn", j.number)
		default:
		}
	}
}

func TestSchedulerRunsWhatItsDocSays(t *testing.T) {
	forSeeds(t, 100, func(t *testing.T, r *rand.Rand) {
		s := New(1 + r.IntN(4))
		m := &model{T: t, r: r, s: s, lane: s.Lane(r.IntN(8), plenty)}
		for range 300 {
			switch n := r.IntN(10); {
			case n < 5:
				m.admit()
			case n < 9:
				m.finish()
			default:
				m.withdraw()
			}
			m.check()
		}
		for len(m.running) > 0 {
			m.finish()
		}
		m.check()
		m.s.Finish()
	})
}

// crowd is many who bring jobs to a lane at once, and what they see.
type crowd struct {
	*testing.T
	s    *Scheduler
	lane *Lane

	mu       sync.Mutex // guards what follows, and brings order to what is admitted
	admitted map[string][]int
	ran      map[string][]int
	running  map[string]int
	sum      int
	number   int
	taken    map[int]bool // back
}

// bring admits a job and says by which number, 0 if it was refused. One that runs
// checks who runs beside it.
func (c *crowd) bring(key string) (j *Job, number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
	number = c.number
	j = &Job{Key: key, Task: task(func() { c.run(key, number) })}
	if !c.lane.Offer(j) {
		return nil, 0
	}
	c.admitted[key] = append(c.admitted[key], number)
	return j, number
}

// run is a job.
func (c *crowd) run(key string, number int) {
	c.mu.Lock()
	c.running[key]++
	c.sum++
	if c.sum > c.s.limit || key != "" && c.running[key] > 1 {
		c.Errorf("%d jobs run, %d with the key %q", c.sum, c.running[key], key)
	}
	c.ran[key] = append(c.ran[key], number)
	c.mu.Unlock()
	runtime.Gosched()
	c.mu.Lock()
	c.running[key]--
	c.sum--
	c.mu.Unlock()
}

// takeBack withdraws a job if it has not begun.
func (c *crowd) takeBack(j *Job, number int) {
	if j != nil && c.s.Withdraw(j) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.taken[number] = true
	}
}

func TestSchedulerLosesNothingAndKeepsOrderWhenManyUseIt(t *testing.T) {
	s := New(4)
	c := &crowd{
		T: t, s: s, lane: s.Lane(30, plenty), admitted: map[string][]int{}, ran: map[string][]int{},
		running: map[string]int{}, taken: map[int]bool{},
	}
	var bringing sync.WaitGroup
	for seed := range uint64(8) {
		bringing.Go(func() {
			r := rand.New(rand.NewPCG(seed, 3))
			for range 2000 {
				j, number := c.bring([]string{"", "a", "b", "c"}[r.IntN(4)])
				if r.IntN(4) == 0 {
					c.takeBack(j, number)
				}
				if r.IntN(8) == 0 {
					c.lane.WaitRoom(t.Context())
				}
			}
		})
	}
	bringing.Wait()
	s.Finish()
	for key, admitted := range c.admitted {
		want := slices.DeleteFunc(admitted, func(n int) bool { return c.taken[n] })
		if key == "" {
			slices.Sort(c.ran[key]) // they run in any order
		}
		if !slices.Equal(c.ran[key], want) {
			t.Errorf("key %q: ran %d jobs, want %d in their order", key, len(c.ran[key]), len(want))
		}
	}
	if len(c.taken) == 0 {
		t.Error("no job was taken back")
	}
}

func TestInlineJobsCountAndMakePlaceForOthers(t *testing.T) {
	s := New(1)
	lane := s.Lane(1, plenty)
	inline := Job{Key: "a"}
	if !s.Begin(&inline) {
		t.Fatal("nothing runs, and the job may not")
	}
	other := newModelJob(1, "a")
	if s.Begin(&other.Job) || !lane.Offer(&other.Job) {
		t.Fatal("the second job does not wait")
	}
	s.End(&inline)
	<-other.begun
	close(other.ending)
	s.Finish()
}

func TestSchedulerGoesOnWhenAJobEndsItsGoroutine(t *testing.T) {
	s := New(1)
	lane := s.Lane(10, plenty)
	for range 5 {
		lane.Offer(&Job{Key: "a", Task: task(runtime.Goexit)})
	}
	last := newModelJob(0, "a")
	lane.Offer(&last.Job)
	<-last.begun
	close(last.ending)
	s.Finish()
}

func TestLaneOfThoseWhoCanWaitTakesOneTooManyAndSaysSo(t *testing.T) {
	s := New(1)
	lane, other := s.Lane(2, plenty), s.Lane(1, plenty)
	var jobs []*modelJob
	for i, more := range []bool{true, true, false, false} { // one runs
		jobs = append(jobs, newModelJob(i, ""))
		if lane.Put(&jobs[i].Job) != more {
			t.Errorf("after job %d: want room for another one: %v", i, more)
		}
	}
	if !other.Offer(newModelJob(4, "").withoutEnd()) || other.Offer(newModelJob(5, "").withoutEnd()) {
		t.Error("a lane that is full takes the room of another one")
	}
	room := make(chan struct{})
	go func() {
		defer close(room)
		lane.WaitRoom(context.Background())
	}()
	for i := range 2 {
		<-jobs[i].begun
		select {
		case <-room:
			t.Fatalf("there is room while %d jobs wait", len(jobs)-1-i)
		default:
		}
		close(jobs[i].ending)
	}
	<-jobs[2].begun // one waits
	<-room
	close(jobs[2].ending)
	close(jobs[3].ending)
	s.Finish()
}

// withoutEnd returns the job, which ends when it runs.
func (j *modelJob) withoutEnd() *Job { close(j.ending); return &j.Job }

func TestExpelledJobsRunBesideThoseThatRun(t *testing.T) {
	s := New(1)
	lane := s.Lane(10, plenty)
	first := newModelJob(0, "a")
	lane.Offer(&first.Job)
	var ran []int
	done := make(chan struct{})
	for i := range 3 {
		lane.Offer(&Job{Key: "a", Task: task(func() {
			if ran = append(ran, i); i == 2 {
				close(done)
			}
		})})
	}
	s.Expel()
	<-done // while the first one runs
	s.Expel()
	if running, waiting := s.Counts(); running != 1 || waiting != 0 || !slices.Equal(ran, []int{0, 1, 2}) {
		t.Errorf("%d run and %d wait; %v ran", running, waiting, ran)
	}
	close(first.ending)
	s.Finish()
}

func TestJobsThatWaitAreBoundedInBytes(t *testing.T) {
	s := New(1)
	lane := s.Lane(10, 100)
	ending := make(chan struct{})
	if !lane.Offer(&Job{Size: 1000, Task: task(func() { <-ending })}) { // which runs
		t.Fatal("the first job found no place")
	}
	var waiting []*Job
	for i, c := range []struct {
		size  int
		place bool
	}{{60, true}, {40, true}, {1, false}} {
		j := &Job{Size: c.size, Task: nothing{}}
		if lane.Offer(j) != c.place {
			t.Errorf("job %d of %d bytes: want a place: %v", i, c.size, c.place)
		}
		waiting = append(waiting, j)
	}
	if !s.Withdraw(waiting[0]) || !s.Withdraw(waiting[1]) || lane.bytes != 0 {
		t.Errorf("%d bytes wait, want none", lane.bytes)
	}
	if large := (&Job{Size: 1000, Task: nothing{}}); !lane.Offer(large) || lane.Offer(&Job{Size: 1, Task: nothing{}}) {
		t.Error("want a place for one job that is larger, and for nothing beside")
	}
	close(ending)
	s.Finish()
	if lane.bytes != 0 {
		t.Errorf("%d bytes wait, want none", lane.bytes)
	}
}
