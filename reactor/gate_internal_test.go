package reactor

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/messaging"
)

// gateModel is a gate as its doc describes it, beside a real one whose jobs run
// until they are told to end.
type gateModel struct {
	*testing.T
	r       *rand.Rand
	gate    *gate
	jobs    []*modelJob // all that were admitted
	running []*modelJob
	waiting []*modelJob
}

// modelJob is a job of the model.
type modelJob struct {
	job
	number        int
	begun, ending chan struct{}
}

// newModelJob returns a job that says when it begins and runs until it is told.
func newModelJob(number int, key string) *modelJob {
	j := &modelJob{number: number, begun: make(chan struct{}), ending: make(chan struct{})}
	j.job = job{key: key, do: func() { close(j.begun); <-j.ending }}
	return j
}

// busy reports whether a job of this key runs.
func (m *gateModel) busy(key string) bool {
	return key != "" && slices.ContainsFunc(m.running, func(j *modelJob) bool { return j.key == key })
}

// run notes that a job runs, and waits until it does.
func (m *gateModel) run(j *modelJob) {
	select {
	case <-j.begun:
	case <-time.After(time.Minute):
		m.Fatalf("job %d does not begin, and %d run", j.number, len(m.running))
	}
	m.running = append(m.running, j)
}

// admit brings one more job.
func (m *gateModel) admit() {
	key := ""
	if n := m.r.IntN(5); n > 0 {
		key = fmt.Sprint(n)
	}
	j := newModelJob(len(m.jobs), key)
	admitted := m.gate.admit(&j.job)
	switch {
	case len(m.running) < m.gate.limit && !m.busy(key):
		m.run(j)
	case len(m.waiting) < m.gate.room:
		m.waiting = append(m.waiting, j)
	case admitted:
		m.Fatalf("a job was admitted beyond %d and %d", m.gate.limit, m.gate.room)
	default:
		return
	}
	if !admitted {
		m.Fatalf("a job was refused while %d run and %d wait", len(m.running), len(m.waiting))
	}
	m.jobs = append(m.jobs, j)
}

// finish lets one of the running jobs end; those begin that may now.
func (m *gateModel) finish() {
	if len(m.running) == 0 {
		return
	}
	i := m.r.IntN(len(m.running))
	close(m.running[i].ending)
	m.running = slices.Delete(m.running, i, i+1)
	m.waiting = slices.DeleteFunc(m.waiting, func(j *modelJob) bool {
		starts := len(m.running) < m.gate.limit && !m.busy(j.key)
		if starts {
			m.run(j)
		}
		return starts
	})
	m.settle()
}

// settle waits until the gate has noticed what ended.
func (m *gateModel) settle() {
	for running, _ := m.gate.counts(); running != len(m.running); running, _ = m.gate.counts() {
		runtime.Gosched()
	}
}

// withdraw takes a job back, which may wait, run, or have ended.
func (m *gateModel) withdraw() {
	if len(m.jobs) == 0 {
		return
	}
	j := m.jobs[m.r.IntN(len(m.jobs))]
	i := slices.Index(m.waiting, j)
	if got := m.gate.withdraw(&j.job); got != (i >= 0) {
		m.Fatalf("job %d was withdrawn: %v, want %v", j.number, got, i >= 0)
	}
	if i >= 0 {
		m.waiting = slices.Delete(m.waiting, i, i+1)
		close(j.ending)
		j.do = nil // it must not be called
	}
}

// check compares the gate with the model.
func (m *gateModel) check() {
	running, waiting := m.gate.counts()
	if running != len(m.running) || waiting != len(m.waiting) || running > m.gate.limit || waiting > m.gate.room {
		m.Fatalf("%d run and %d wait, want %d and %d", running, waiting, len(m.running), len(m.waiting))
	}
	for _, j := range m.waiting {
		select {
		case <-j.begun:
			m.Fatalf("job %d runs before its turn", j.number)
		default:
		}
	}
	select {
	case <-m.gate.idle():
		if running+waiting > 0 {
			m.Fatalf("idle, with %d jobs that run and %d that wait", running, waiting)
		}
	default:
		if running+waiting == 0 {
			m.Fatal("not idle, with no job")
		}
	}
}

func TestGateRunsWhatItsDocSays(t *testing.T) {
	forSeeds(t, 100, func(t *testing.T, r *rand.Rand) {
		m := &gateModel{T: t, r: r, gate: newGate(1+r.IntN(4), r.IntN(8), callQueueBytes)}
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
		idle := m.gate.idle()
		for len(m.running) > 0 {
			m.finish()
		}
		<-idle
		m.check()
		m.gate.finish()
	})
}

// crowd is many who bring jobs to a gate at once, and what they see.
type crowd struct {
	*testing.T
	gate *gate

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
func (c *crowd) bring(key string) (j *job, number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
	number = c.number
	j = &job{key: key, do: func() { c.run(key, number) }}
	if !c.gate.admit(j) {
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
	if c.sum > c.gate.limit || key != "" && c.running[key] > 1 {
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
func (c *crowd) takeBack(j *job, number int) {
	if j != nil && c.gate.withdraw(j) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.taken[number] = true
	}
}

func TestGateLosesNothingAndKeepsOrderWhenManyUseIt(t *testing.T) {
	c := &crowd{
		T: t, gate: newGate(4, 30, callQueueBytes), admitted: map[string][]int{}, ran: map[string][]int{},
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
					<-c.gate.idle()
				}
			}
		})
	}
	bringing.Wait()
	c.gate.finish()
	<-c.gate.idle()
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

func TestGateThatIsEmptyIsIdleAtOnce(t *testing.T) {
	g := newGate(1, 1, callQueueBytes)
	<-g.idle()
	j := newModelJob(0, "")
	g.admit(&j.job)
	first, second := g.idle(), g.idle()
	select {
	case <-first:
		t.Fatal("idle while a job runs")
	default:
	}
	close(j.ending)
	<-first
	<-second
	g.finish()
}

func TestBorrowedJobsCountAndMakePlaceForOthers(t *testing.T) {
	g := newGate(1, 1, callQueueBytes)
	borrowed := job{key: "a"}
	g.expect()
	if !g.borrow(&borrowed) {
		t.Fatal("the gate is empty, and the job may not run")
	}
	other := newModelJob(1, "a")
	g.expect()
	if g.borrow(&other.job) || !g.admitExpected(&other.job) {
		t.Fatal("the second job does not wait")
	}
	idle := g.idle()
	g.end(&borrowed)
	<-other.begun
	close(other.ending)
	<-idle
	g.finish()
}

func TestGateGoesOnWhenAJobEndsItsGoroutine(t *testing.T) {
	g := newGate(1, 10, callQueueBytes)
	for range 5 {
		g.admit(&job{key: "a", do: runtime.Goexit})
	}
	last := newModelJob(0, "a")
	g.admit(&last.job)
	<-last.begun
	close(last.ending)
	<-g.idle()
	g.finish()
}

func TestFullGateSaysSo(t *testing.T) {
	if err := newGate(3, 7, callQueueBytes).full(); err.Code != messaging.ResourceExhausted {
		t.Errorf("got %v", err)
	}
}

func TestJobsThatWaitAreBoundedInBytes(t *testing.T) {
	g := newGate(1, 10, 100)
	ending := make(chan struct{})
	if !g.admit(&job{size: 1000, do: func() { <-ending }}) { // which runs
		t.Fatal("the first job found no place")
	}
	var waiting []*job
	for i, c := range []struct {
		size  int
		place bool
	}{{60, true}, {40, true}, {1, false}} {
		j := &job{size: c.size, do: func() {}}
		if g.admit(j) != c.place {
			t.Errorf("job %d of %d bytes: want a place: %v", i, c.size, c.place)
		}
		waiting = append(waiting, j)
	}
	if !g.withdraw(waiting[0]) || !g.withdraw(waiting[1]) || g.bytes != 0 {
		t.Errorf("%d bytes wait, want none", g.bytes)
	}
	if large := (&job{size: 1000, do: func() {}}); !g.admit(large) || g.admit(&job{size: 1, do: func() {}}) {
		t.Error("want a place for one job that is larger, and for nothing beside")
	}
	close(ending)
	<-g.idle()
	if g.bytes != 0 {
		t.Errorf("%d bytes wait, want none", g.bytes)
	}
	g.finish()
}
