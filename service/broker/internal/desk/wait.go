package desk

import (
	"fmt"
	"time"
)

// Reason says why a request waits.
type Reason int

const (
	// Served requests do not wait.
	Served Reason = iota
	// NoWorker says that no worker of the service is registered.
	NoWorker
	// AllDrain says that all workers of the service drain.
	AllDrain
	// AllBusy says that all workers that may serve the request are busy.
	AllBusy
)

// Wait says why a request waits. Its zero value is that of one that does not.
type Wait struct {
	Reason  Reason // which of them
	Message string // one sentence for people
}

const (
	// firstNews is after what time a client is told why its request waits.
	firstNews = 100 * time.Millisecond
	// longestNews is the longest time between two looks at that.
	longestNews = time.Second
	// countAhead bounds how many requests are counted that wait before another one.
	countAhead = 100
)

// watchWait has it looked at why a call waits, if a client wants to know: after a
// moment, or sooner if the call has little time, and again after twice the time.
func (d *Desk) watchWait(c *call) {
	deadline, wanted := c.last(), false
	for _, w := range c.waiters {
		wanted = wanted || w.tell
	}
	if !wanted {
		return
	}
	pause := min(max(d.now-c.since, firstNews), longestNews, max((deadline-d.now)/2, time.Millisecond))
	c.news.at = d.now + pause
	d.alarms.Put(&c.news)
}

// tellWaiting tells why a call waits, if that was not told before.
func (d *Desk) tellWaiting(c *call) {
	for _, p := range c.parts {
		if p.ended || p.delivery != 0 {
			continue
		}
		if why := p.wait(); why != c.told {
			d.say(c, why)
		}
		d.watchWait(c)
		return
	}
}

// say tells all who want to know why their call waits.
func (d *Desk) say(c *call, why Wait) {
	c.told = why
	for _, w := range c.waiters {
		if w.tell {
			d.act(Waiting{To: w.client, Call: w.number, Tag: w.tag, Wait: why})
		}
	}
}

// wait returns why a part waits.
func (p *part) wait() Wait {
	s := p.call.service
	switch {
	case p.addressed:
		return Wait{AllBusy, fmt.Sprintf("the worker %q is busy%s", p.name(), p.ahead())}
	case len(s.members) == 0:
		return Wait{NoWorker, fmt.Sprintf("no worker serves %q", s.name)}
	case s.accepting == 0:
		return Wait{AllDrain, fmt.Sprintf("%s, and all are draining", s.staff())}
	default:
		return Wait{AllBusy, fmt.Sprintf("%s, and none is free%s", s.staff(), p.ahead())}
	}
}

// staff says how many workers a service has.
func (s *service) staff() string {
	if len(s.members) == 1 {
		return fmt.Sprintf("%q has 1 worker", s.name)
	}
	return fmt.Sprintf("%q has %d workers", s.name, len(s.members))
}

// ahead says how many requests wait before a part.
func (p *part) ahead() string {
	n := 0
	for before := p.prev; before != nil && n < countAhead; before = before.prev {
		n++
	}
	switch n {
	case 0:
		return ""
	case countAhead:
		return fmt.Sprintf("; %d requests or more wait before", n)
	case 1:
		return "; 1 request waits before"
	default:
		return fmt.Sprintf("; %d requests wait before", n)
	}
}

// fast reports whether a part that waits fails when no worker takes requests.
func (p *part) fast() bool {
	return p.call.request.FailFast && p.list == &p.call.service.queue
}

// failFast refuses what does not wait for a worker to come.
func (d *Desk) failFast(s *service) {
	for p, next := s.queue.first, (*part)(nil); p != nil; p = next {
		if next = p.next; p.fast() {
			d.unqueue(p)
			d.conclude(p, s.noWorker(p.call.request, nil), &d.counts.Failed)
		}
	}
}
