package schedule

import (
	"context"

	"github.com/mittere/mittere/internal/broadcast"
)

// Lane bounds the jobs of one kind that wait.
type Lane struct {
	s     *Scheduler
	room  int // jobs
	most  int // bytes, but for one job that is larger
	count int
	bytes int
	moved broadcast.Signal // there is room again
}

// Lane returns a new lane on which so many jobs wait, with so many bytes.
func (s *Scheduler) Lane(room, bytes int) *Lane { return &Lane{s: s, room: room, most: bytes} }

// Offer has a job run when it may, on a goroutine of the scheduler; false means that the
// lane is full, and the job is not taken.
func (l *Lane) Offer(j *Job) bool {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.s.begin(j) {
		l.s.hand(j)
		return true
	}
	if !l.hasRoom(j) {
		return false
	}
	l.queue(j)
	return true
}

// Put is Offer for callers who can wait: it takes the job though the lane is full, and
// returns whether there is room for another one. If not, the caller is to wait for it.
func (l *Lane) Put(j *Job) (more bool) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.s.begin(j) {
		l.s.hand(j)
	} else {
		l.queue(j)
	}
	return !l.full()
}

// queue has a job wait, under the lock.
func (l *Lane) queue(j *Job) {
	j.lane = l
	l.count++
	l.bytes += j.Size
	l.s.waiting.push(j)
	j.Task.Queued()
}

// hasRoom reports under the lock whether a job may wait.
func (l *Lane) hasRoom(j *Job) bool {
	return l.count < l.room && (l.bytes == 0 || l.bytes+j.Size <= l.most)
}

// full reports under the lock whether no job should be brought.
func (l *Lane) full() bool { return l.count > 0 && (l.count >= l.room || l.bytes >= l.most) }

// leave notes under the lock that a job does not wait any more.
func (l *Lane) leave(j *Job) {
	l.count--
	l.bytes -= j.Size
	if !l.full() {
		l.moved.Notify()
	}
}

// WaitRoom waits until the lane is not full, or ctx ends.
func (l *Lane) WaitRoom(ctx context.Context) {
	for {
		moved := l.progress()
		if moved == nil {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

// progress returns what is closed when the lane has room again; nil if it has.
func (l *Lane) progress() <-chan struct{} {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if !l.full() {
		return nil
	}
	return l.moved.Changed()
}

// Bounds returns how many jobs may wait, and how many bytes they may have.
func (l *Lane) Bounds() (jobs, bytes int) { return l.room, l.most }
