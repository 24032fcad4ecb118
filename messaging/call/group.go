package call

import (
	"slices"
	"sync"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// group is what has come for a call that several workers answer and was not read.
// The link puts in and never waits, the caller takes out; what a broker may send is
// checked where it is put in, so that a group holds no more than that: a window and
// a reply for each worker that got the request.
//
// Each worker has a window of its own, and gets new credit by its name when it has
// earned it. So none may send more than a window, and none waits for another.
type group struct {
	method      Method
	window      int           // items that a worker may be ahead
	wantsEvents bool          // whether events are read
	came        chan struct{} // holds something if something came

	mu      sync.Mutex // guards what follows
	waiting []notice   // in order
	events  int        // of those
	parts   map[string]*part
	open    int  // parts that have not answered
	live    int  // of those, the ones of which more may be told
	over    bool // nothing further is taken
	lost    bool // the session has ended
}

// part is what one worker answers.
type part struct {
	worker   string
	items    uint64 // that came
	room     int    // for how many others it has credit
	unpaid   int    // items that were read and for which it got no new credit
	answered bool   // its reply came
	live     bool   // it is open, and its items count
	stopped  bool   // nothing further of it is told; the caller's
}

// notice is one thing that a caller is told.
type notice struct {
	answer
	part   *part // whose it is; nil: of the call
	err    error // in place of a content
	last   bool  // nothing follows
	broken bool  // but the server does not know
}

// newGroup returns what is to come for a request.
func newGroup(r *Request, window int) *group {
	return &group{method: r.Method, window: window, wantsEvents: r.Progress != nil, came: make(chan struct{}, 1)}
}

// put takes what the server sends. It does not fit if a worker has no credit for it.
func (g *group) put(a answer) (fits bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.over:
		a.message.Release()
		return true
	case a.accepted != nil:
		g.accepted(a)
	case a.event != nil:
		g.event(a)
	case a.waiting != nil:
		g.add(notice{answer: a})
	case a.item != nil:
		return g.item(a)
	default:
		g.reply(a)
	}
	return true
}

// add tells the caller.
func (g *group) add(n notice) {
	g.over = n.last
	g.waiting = append(g.waiting, n)
	g.tell()
}

// tell has the caller look.
func (g *group) tell() {
	select {
	case g.came <- struct{}{}:
	default:
	}
}

// something reports whether the caller is to look.
func (g *group) something() bool { return len(g.came) > 0 }

// lose notes that nothing follows, since the session has ended.
func (g *group) lose() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lost = true
	g.tell()
}

// fail ends the call for what a broker must not do.
func (g *group) fail(format string, args ...any) {
	g.add(notice{err: messaging.Errorf(messaging.Internal, "the broker "+format, args...), last: true, broken: true})
}

// failPart ends the answer of one worker, of which nothing further is told.
func (g *group) failPart(p *part, err error) {
	g.settle(p)
	g.add(notice{part: p, err: err, last: g.idle(), broken: g.idle()})
}

// accepted takes whom the request went to.
func (g *group) accepted(a answer) {
	workers := a.accepted.GetInstances()
	switch {
	case g.parts != nil:
		g.fail("said twice whom the request went to")
		return
	case len(workers) == 0:
		g.fail("accepted the request for nobody")
		return
	case slices.Contains(workers, ""): // credit for it would be for each
		g.fail("gave the request to a worker without a name")
		return
	}
	g.parts = make(map[string]*part, len(workers))
	for _, worker := range workers {
		g.parts[worker] = &part{worker: worker, room: g.window, live: true}
	}
	if g.open = len(g.parts); g.open < len(workers) {
		g.fail("gave the request to a worker twice")
		return
	}
	g.live = g.open
	g.add(notice{answer: a})
}

// event takes an event, unless the caller reads none. It is no reason to end a call.
func (g *group) event(a answer) {
	p := g.parts[a.event.GetInstance()]
	if !g.wantsEvents || p == nil || g.events == progressWaiting {
		a.message.Release()
		return
	}
	g.events++
	g.add(notice{answer: a, part: p})
}

// item takes a message of a stream.
func (g *group) item(a answer) (fits bool) {
	worker := a.item.GetInstance()
	p := g.parts[worker]
	switch {
	case p == nil || p.answered:
		g.fail("sent an item of %q, which has no answer to give", worker)
	case !p.live: // its answer has ended with an error
	case !g.method.Streaming:
		g.failPart(p, messaging.Errorf(messaging.Internal, "%v gave an item of a stream, want one answer", g.method))
	case p.room == 0:
		return false
	default:
		p.items++
		p.room--
		if index := a.item.GetIndex(); index != p.items {
			g.failPart(p, messaging.Errorf(messaging.DataLoss, "item %d of the stream came as number %d", index, p.items))
			break
		}
		g.add(notice{answer: a, part: p})
		return true
	}
	a.message.Release()
	return true
}

// reply takes the end of a worker's answer, or that of the call.
func (g *group) reply(a answer) {
	worker, more := a.reply.GetInstance(), a.reply.GetMore()
	p := g.parts[worker]
	switch err := failureOf(a.reply); {
	case p == nil && err != nil && !more: // the broker's own: no worker got it, or it failed for all
		g.add(notice{answer: a, err: err, last: true})
		return
	case p == nil || p.answered:
		g.fail("sent an answer of %q, which has none to give", worker)
		return
	}
	p.answered = true
	g.open--
	if p.live {
		g.settle(p)
		n := notice{answer: a, part: p, err: g.ends(p, a), last: !more && g.open == 0}
		if more && g.idle() {
			n.last, n.broken = true, true
		}
		g.add(n)
	} else if !more && g.open == 0 {
		g.add(notice{last: true})
	}
	switch {
	case more && g.open == 0:
		g.fail("said that others will answer, but all have")
	case !more && g.open > 0:
		g.fail("ended the call before %d workers answered", g.open)
	}
}

// ends returns what is wrong with how a worker ends its answer.
func (g *group) ends(p *part, a answer) error {
	if err := failureOf(a.reply); err != nil {
		return err
	}
	switch index := a.reply.GetIndex(); {
	case index != p.items:
		return messaging.Errorf(messaging.DataLoss, "the stream had %d items, of which %d came", index, p.items)
	case !g.method.Streaming && a.body == nil:
		return messaging.Errorf(messaging.Internal, "%v gave no answer, want one", g.method)
	default:
		return nil
	}
}

// settle notes that nothing further is told of a part, which gets no credit any more.
func (g *group) settle(p *part) {
	if p.live {
		p.live = false
		g.live--
	}
}

// idle reports whether all that are open have failed. The call ends then: without
// credit they might never answer.
func (g *group) idle() bool { return g.live == 0 && g.open > 0 }

// take returns the next thing that the caller is told, if there is one. lost says that
// there is none, and will be none.
func (g *group) take() (n notice, found, lost bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		return notice{}, false, g.lost
	}
	n = g.waiting[0]
	g.waiting[0] = notice{}
	g.waiting = g.waiting[1:]
	if n.event != nil {
		g.events--
	}
	return n, true, false
}

// stop ends the answer of a worker that sent what cannot be read.
func (g *group) stop(p *part) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p.stopped = true
	g.settle(p)
	if g.idle() && !g.over {
		g.add(notice{last: true, broken: true})
	}
}

// paid notes that a notice was read, and returns how many further items its worker
// may send for it; nil if none, for now.
func (g *group) paid(n notice) *mitterev1.Credit {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := n.part
	if n.item == nil || !p.live {
		return nil
	}
	p.unpaid++
	if 2*p.unpaid < g.window {
		return nil
	}
	credit := &mitterev1.Credit{Items: uint32(p.unpaid), Instance: p.worker}
	p.room += p.unpaid
	p.unpaid = 0
	return credit
}
