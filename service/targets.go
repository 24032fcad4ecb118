package service

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// Without a broker the client itself gives a call to the instances that its target
// means: it is a call of each.

// direct returns a request as one instance gets it, which knows of no target.
func direct(r *call.Request) *call.Request {
	copied := *r
	copied.Target, copied.Several, copied.Accepted = nil, nil, nil
	return &copied
}

// hearAccepted returns a request that notes when it was accepted.
func hearAccepted(r *call.Request, heard *bool) *call.Request {
	copied := *r
	copied.Accepted = func(workers, unknown []string) {
		*heard = true
		if r.Accepted != nil {
			r.Accepted(workers, unknown)
		}
	}
	return &copied
}

// called reports whether an instance is meant by a name, or by none.
func (m *member) called(name string) bool { return name == anyInstance || m.instance.GetId() == name }

// called returns the members that are meant by a name, under the lock.
func (c *Client) called(name string) (found []*member) {
	for _, m := range c.members {
		if m.called(name) {
			found = append(found, m)
		}
	}
	return found
}

// isUnknown reports whether it is known that no instance has a name.
func (c *Client) isUnknown(name string) bool {
	if name == anyInstance || c.follower != nil && !c.View().Live {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.called(name)) == 0
}

// resolve returns the names of the instances that a target means: all that take calls now, or
// those that are named; and the names that no instance has. It waits for one that takes calls
// if there is none, or none is known.
func (c *Client) resolve(ctx context.Context, r *call.Request) (workers, unknown []string, err error) {
	target := r.Target
	all := target.All
	for {
		members := c.Members()
		workers, unknown = nil, nil
		for _, m := range members {
			if id := m.Instance.GetId(); all && m.Ready || !all && slices.Contains(target.Names, id) {
				workers = append(workers, id)
			}
		}
		for _, name := range target.Names {
			if !slices.Contains(workers, name) && !slices.Contains(unknown, name) {
				unknown = append(unknown, name)
			}
		}
		switch {
		case len(workers) > 0:
			return workers, unknown, nil
		case !all && len(members) > 0:
			names := strings.Join(unknown, ", ")
			return nil, nil, messaging.Errorf(messaging.NotFound, "no instance of %s is one of %s", c.name, names).AsRefused()
		}
		m, err := c.pick(ctx, r, anyInstance, nil)
		if err != nil {
			return nil, nil, err
		}
		m.leave()
	}
}

// report is what the call of one instance reports to the whole call.
type report struct {
	worker string
	e      *messaging.Envelope // a message; nil at the end
	event  bool                // it is of the progress
	err    error               // why the call ended
	timing call.Timing         // of the call
	result chan error          // whether the call that the message is of goes on
}

// fanOut makes a call of each instance that a target means.
func (c *Client) fanOut(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
	workers, unknown, err := c.resolve(ctx, r)
	if err != nil {
		return err
	}
	if r.Several != nil {
		if err := r.Accept(workers, unknown); err != nil {
			return err
		}
	}
	calls, stop := context.WithCancel(ctx)
	defer stop()
	reports := make(chan report)
	var parts sync.WaitGroup
	defer parts.Wait()
	for _, worker := range workers {
		parts.Go(func() { c.callPart(calls, r, worker, reports) })
	}
	var failed error
	for open := len(workers); open > 0; {
		a := <-reports
		if failed == nil {
			failed = a.deliver(ctx, r, each)
		}
		if failed != nil && !r.OneWay {
			stop()
		}
		if a.e == nil {
			open--
		} else {
			a.result <- failed
		}
	}
	return failed
}

// callPart makes the call of one instance and reports what it answers. Its last report
// is always taken.
func (c *Client) callPart(ctx context.Context, r *call.Request, worker string, reports chan<- report) {
	end := report{worker: worker}
	result := make(chan error)
	say := func(e *messaging.Envelope, event bool) error {
		reports <- report{worker: worker, e: e, event: event, result: result}
		return <-result // not sooner: the envelope is in use until then
	}
	own := direct(r)
	own.Timing, own.Waiting = &end.timing, nil // which is for the caller's goroutine
	if r.Progress != nil {
		own.Progress = func(_ string, e *messaging.Envelope) { _ = say(e, true) }
	}
	messages := 0
	end.err = c.attempt(ctx, own, worker, func(e *messaging.Envelope) error {
		messages++
		return say(e, false)
	})
	if end.err == nil && messages != 1 && !r.Method.Streaming && !r.OneWay {
		end.err = messaging.Errorf(messaging.Internal, "%v gave %d answers, want one", r.Method, messages)
	}
	reports <- end
}

// deliver gives the caller what an instance reports. An error ends the whole call; the end
// of its context is an error of the whole call, not of one instance.
func (a report) deliver(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
	switch {
	case a.event:
		r.Progress(a.worker, a.e)
		return nil
	case a.e != nil:
		if r.Several != nil {
			r.Several.From(a.worker)
		}
		return each(a.e)
	}
	if r.Timing != nil {
		*r.Timing = a.timing
	}
	switch {
	case a.err == nil:
		return nil
	case r.Several == nil, ctx.Err() != nil:
		return a.err
	default:
		return r.Several.Failed(a.worker, a.err)
	}
}
