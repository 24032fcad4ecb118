package desk

import (
	"bytes"
	"slices"
	"time"
)

// Request is what a client asks for. It is the desk's once it was given to
// [Desk.Request], and not to be changed by anybody.
type Request struct {
	Call    uint64  // names it at this client, among its calls that have not ended
	Tag     any     // comes back with everything that goes to the client
	Service string  // 1 to 255 bytes, and not reserved unless it has a worker
	Method  string  // for Offer.Repeatable, if Repeat leaves it to the worker; may be empty
	Target  Target  // which of its workers
	Content Content // what goes to the worker

	Timeout time.Duration // how long the client still waits; 0: as long as it may, below 0: no more
	Wait    time.Duration // how long of that it may wait to be begun; 0: all of it, or the broker's expiry if there is no timeout
	Credit  uint32        // items of a stream that may come at first
	OneWay  bool          // no reply is wanted, nor credit given; the worker gives one all the same
	Control bool          // it is about a worker and none of its work: see [Offer]; without a target it is as others

	FailFast bool // it is refused when no worker of the service takes requests; without a target only
	Tell     bool // its client is told why it waits, see [Waiting]

	Key     Key    // what repetitions are found by
	Attempt uint32 // counts the tries of the client, from 1
	Repeat  Repeat // what a second execution does
}

// Key names a request wherever it goes, the same on every try. Its zero value
// names nothing.
type Key struct {
	Client string // its instance, 1 to 64 bytes; dialects see to it that it is the peer's own
	Number uint64 // counts its requests, from 1
}

// Repeat says what a second execution of a request does.
type Repeat int

const (
	// RepeatUnsaid leaves it to the worker: see Offer.Idempotent and Offer.Repeatable.
	RepeatUnsaid Repeat = iota
	// RepeatNever is said of what may do harm.
	RepeatNever
	// RepeatSafe is said of what changes nothing more.
	RepeatSafe
)

// requestOverhead is about what a request takes up beside its content.
const requestOverhead = 1024

// maxKey bounds the client in a key, in bytes.
const maxKey = 64

// key returns what repetitions of the request are found by, the zero value if it
// is none: a client with 1 to 64 bytes, and a number above 0.
func (r *Request) key() Key {
	if n := len(r.Key.Client); n == 0 || n > maxKey || r.Key.Number == 0 || r.OneWay {
		return Key{}
	}
	return r.Key
}

// joinable reports whether the answer is one, by what was asked.
func (r *Request) joinable() bool { return r.Target.Kind == Any && r.Credit == 0 && !r.OneWay }

// asks reports whether another request asks for the same.
func (r *Request) asks(other *Request) bool {
	return r.Service == other.Service && r.Method == other.Method && slices.EqualFunc(r.Content.Body, other.Content.Body, bytes.Equal)
}

// size returns about how many bytes a request takes up.
func (r *Request) size() int {
	size := requestOverhead + len(r.Service) + len(r.Method) + r.Content.size()
	for _, name := range r.Target.Names {
		size += len(name)
	}
	return size
}

// call is a request that was taken and has not ended.
type call struct {
	service    *service
	request    *Request      // nil when it has ended
	order      uint64        // in which requests came
	since      time.Duration // when it came
	size       int
	parts      []*part
	unfinished int                // parts that have not ended
	waiting    int                // of those, the ones that are at no worker
	named      map[string][]*part // by the names of their workers; nil until they are asked for
	waiters    []*waiter
	control    bool  // it asks about a worker
	begun      bool  // some worker may have executed something of it
	key        Key   // zero if it has none that is valid
	expiry     alarm // while something waits, if that has a limit of its own
	news       alarm // while something waits, if a client wants to know why
	told       Wait  // what was told last of that

	// In place of slices of one.
	onePart   part
	oneWaiter waiter
	partRoom  [1]*part
	waitRoom  [1]*waiter
}

// part is what one worker does, or will do, of a request: all of it, if the
// request has no target.
type part struct {
	call       *call
	worker     *worker // that has it, or for which it waits; nil while it waits for any
	addressed  bool    // it is for that worker alone
	control    bool    // it needs no room there
	ended      bool
	spare      bool   // its worker is free, and has not answered it
	abandoned  bool   // the worker still has it, but no client waits for it
	streamed   bool   // items of it went to the client
	lost       bool   // a worker was lost with it, so that it may have been executed
	delivery   uint64 // 0 while it waits
	credit     uint32 // that its client gave in all
	granted    uint32 // of that, what the worker got that has it
	came       uint32 // items of that one
	attempts   int    // how often it was given to a worker
	list       *list  // that it is in
	prev, next *part
}

// waiter is a call of a client, which waits for a request; repetitions wait for the
// same one.
type waiter struct {
	call       *call
	client     Peer
	number     uint64
	tag        any
	silent     bool // it wants no reply
	streams    int  // that are paced for the client
	tell       bool // it wants to know why it waits
	parts      int  // that count as its client's
	deadline   alarm
	prev, next *waiter // of the same client
}

// newCall returns the call of a request with so many parts.
func newCall(s *service, r *Request, parts int) *call {
	c := &call{service: s, request: r, size: r.size(), unfinished: parts, waiting: parts, control: r.Control}
	c.parts, c.waiters = c.partRoom[:0], c.waitRoom[:0]
	if parts > 1 {
		c.parts = make([]*part, 0, parts)
	}
	c.expiry.call, c.news.call = c, c
	return c
}

// part returns a new part of the call.
func (c *call) part() *part {
	p := &c.onePart
	if len(c.parts) > 0 {
		p = new(part)
	}
	p.call, p.credit = c, c.request.Credit
	c.parts = append(c.parts, p)
	return p
}

// newWaiter returns a new waiter for the call.
func (c *call) newWaiter() *waiter {
	w := &c.oneWaiter
	if w.call != nil {
		w = new(waiter)
	}
	w.call, w.deadline.call, w.deadline.waiter = c, c, w
	c.waiters = append(c.waiters, w)
	return w
}

// last returns the latest of the deadlines.
func (c *call) last() (at time.Duration) {
	for _, w := range c.waiters {
		at = max(at, w.deadline.at)
	}
	return at
}

// joinable reports whether a repetition can have all of the answer: it is one, and
// nothing of it was sent.
func (c *call) joinable(r *Request) bool {
	return c.request.joinable() && r.joinable() && !c.parts[0].streamed
}

// name returns the name of the worker of a part, if it has one.
func (p *part) name() string {
	if p.worker == nil {
		return ""
	}
	return p.worker.offer.Name
}

// repeatable reports whether a part may be executed again after its worker was
// lost with it.
func (d *Desk) repeatable(p *part) bool {
	if p.addressed || p.streamed || d.once[p.call.service.name] {
		return false
	}
	switch p.call.request.Repeat {
	case RepeatSafe:
		return true
	case RepeatNever:
		return false
	default:
		return p.worker.offer.repeats(p.call.request.Method)
	}
}
