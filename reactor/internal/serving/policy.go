package serving

import (
	"context"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/schedule"
)

const (
	// controlLimit and controlQueue are how many handlers of the control plane run at once,
	// and how many messages wait for them.
	controlLimit, controlQueue = 16, 1000
	// waitingBytes bounds the messages that wait where their sockets can be left unread.
	waitingBytes = 256 << 20
)

// policy is when and where requests run: sequentially or in a bounded pool, and those of the
// control plane beside all others.
type policy struct {
	sequential bool
	handlers   track
	control    track
}

// track is a scheduler with its two lanes: what finds no room on one waits, and its socket is
// left unread; what finds none on the other is refused.
type track struct {
	*schedule.Scheduler
	waits, refuses *schedule.Lane
}

// newPolicy returns that of a road.
func newPolicy(c *Config) policy {
	limit := max(c.Workers, 1)
	return policy{
		sequential: c.Workers == 0,
		handlers:   newTrack(limit, c.Waiting*limit, c.Queue, c.QueueBytes),
		control:    newTrack(controlLimit, controlQueue, controlQueue, c.QueueBytes),
	}
}

// newTrack returns a track without jobs.
func newTrack(limit, waiting, queue, bytes int) track {
	s := schedule.New(limit)
	return track{Scheduler: s, waits: s.Lane(waiting, waitingBytes), refuses: s.Lane(queue, bytes)}
}

// assign has each handler run on its track.
func (p *policy) assign(handlers map[string]*Handler) {
	for _, h := range handlers {
		if h.track = &p.handlers; h.Control {
			h.track = &p.control
		}
	}
}

// counts returns how many handlers run and how many messages wait, but for the control plane.
func (p *policy) counts() (running, waiting int) { return p.handlers.Counts() }

// inline reports whether the goroutine that received a request may run it. Where its socket
// may be left unread it runs all of a sequential reactor. Elsewhere it runs those that are
// expected to be short, if nothing else came with them, and if no other handler has to end
// before.
func (p *policy) inline(r *Request, alone bool) bool {
	if !r.station.refuses {
		return p.sequential && !r.Handler.Control
	}
	return alone && !p.sequential && r.Handler.Shape == Unary && r.Handler.pace.isShort()
}

// schedule has a request run, now or when it may. False means that the socket shall be left
// unread until there is room.
func (s *Station) schedule(r *Request, alone bool) (more bool) {
	t := r.Handler.track
	if r.job.Size = r.Delivery.Size(); s.road.Key != nil {
		r.job.Key = s.road.keyOf(r.Delivery)
	}
	switch {
	case s.road.policy.inline(r, alone) && t.Begin(&r.job):
		s.runInline(t, r)
		return true
	case !s.refuses:
		return t.waits.Put(&r.job)
	case !t.refuses.Offer(&r.job):
		s.road.stats.Overloaded.Add(1)
		r.replier.refuse("message refused", t.full())
		r.leave()
	}
	return true
}

// runInline runs a request that has begun, while nobody receives.
func (s *Station) runInline(t *track, r *Request) {
	defer t.End(&r.job)
	if s.refuses {
		defer s.reader.inline.end(s.reader.inline.begin())
	}
	r.Run()
}

// full returns the error of what finds no room.
func (t *track) full() *messaging.Error {
	running, waiting := t.Counts()
	room, bytes := t.refuses.Bounds()
	return messaging.Errorf(messaging.ResourceExhausted, "%d requests run, of %d at most, and %d wait, of %d and %d bytes at most",
		running, t.Limit(), waiting, room, bytes)
}

// keyOf returns by what a message is kept in order. It is the user's function: one that panics
// has no key.
func (r *Road) keyOf(d *messaging.Delivery) (key string) {
	if r.guarded("key function", d.Type, func() { key = r.Key(d) }) != nil {
		r.stats.Panicked.Add(1)
		return ""
	}
	return key
}

// inTurn calls a hook when it may run, and waits for it: in a sequential reactor when no
// handler runs, in others at once.
func (r *Road) inTurn(hook func()) {
	if !r.policy.sequential {
		hook()
		return
	}
	done := make(chan struct{})
	r.policy.handlers.waits.Put(&schedule.Job{Task: task(func() { defer close(done); hook() })})
	<-done
}

// task is a [schedule.Task] made of a function.
type task func()

func (t task) Run()  { t() }
func (task) Queued() {}

// awaitRoom waits until the sockets that may be left unread shall be read again.
func (p *policy) awaitRoom(ctx context.Context) {
	p.handlers.waits.WaitRoom(ctx)
	p.control.waits.WaitRoom(ctx)
}

// expel has everything refused that waits.
func (p *policy) expel() {
	p.handlers.Expel()
	p.control.Expel()
}

// finish waits until everything has run; nothing is scheduled any more.
func (p *policy) finish() {
	p.handlers.Finish()
	p.control.Finish()
}
