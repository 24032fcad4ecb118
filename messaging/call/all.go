package call

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// Answer is what one of several workers answered, or an error.
type Answer[Resp proto.Message] struct {
	// Worker is the name of the worker that answered; empty if Err is one of the whole call.
	Worker string
	// Reply is the answer, or a message of it if that is a stream; nil if Err is not.
	Reply Resp
	// Err is why the worker has no answer, or no further one.
	Err error
}

// All calls a method of a stub, such as calculator.Add, or what [Bind] returns, at
// each worker of the service, or at those of [ToWorkers]. It gives the answers as
// they come: one for each worker that got the request, and one for each name that
// no worker has, with [messaging.NotFound]. The caller's broker must serve targets,
// or the caller know all instances, as the client of a service does.
//
// An error of the whole call is the last answer, and has no Worker: that no worker got
// the request, that the broker went away, that ctx ended. Workers that did not
// answer before have no answer of their own then.
//
// Each range over it is a call; leaving the loop cancels it at those that have not
// answered. One that was accepted is not tried again.
func All[Req, Resp proto.Message](
	ctx context.Context, method func(context.Context, Req, ...Option) (Resp, error), req Req, options ...Option,
) iter.Seq[Answer[Resp]] {
	return gather[Resp](options, func(options []Option) error {
		_, err := method(ctx, req, options...)
		return err
	})
}

// AllStream is [All] with a method that is answered by a stream: each worker gives
// any number of answers, each with one message, in order. A worker that has ended
// its stream well is not heard of again.
//
// [WithWindow] bounds what is on its way from each worker. One whose window is full
// waits until something of its own was read, whatever the others do: one that has
// nothing to tell holds up nobody.
func AllStream[Req, Item proto.Message](
	ctx context.Context, method func(context.Context, Req, ...Option) iter.Seq2[Item, error], req Req, options ...Option,
) iter.Seq[Answer[Item]] {
	return gather[Item](options, func(options []Option) error {
		for _, err := range method(ctx, req, options...) {
			return err
		}
		return nil
	})
}

// gather returns the answers of several workers to a call.
func gather[Resp proto.Message](options []Option, call func([]Option) error) iter.Seq[Answer[Resp]] {
	return func(yield func(Answer[Resp]) bool) {
		g := &gatherer[Resp]{yield: yield, failed: map[string]bool{}}
		all := append([]Option{ToAll()}, options...)
		err := call(append(all, option(g.join)))
		if err == nil && !g.joined {
			err = messaging.Errorf(messaging.InvalidArgument, "the method does not pass its options on to the call")
		}
		if err != nil && !g.left {
			yield(Answer[Resp]{Err: err})
		}
	}
}

// gatherer gives the messages of a call to a loop.
type gatherer[Resp proto.Message] struct {
	yield  func(Answer[Resp]) bool
	joined bool            // the call knows it
	left   bool            // the loop was left
	worker string          // the sender of the next message
	failed map[string]bool // workers that sent what is no answer
}

// join has a call give its answers to the gatherer.
func (g *gatherer[Resp]) join(r *Request) {
	g.joined = true
	r.each = g.each
	r.Several = &Several{From: func(worker string) { g.worker = worker }, Failed: g.fail}
}

// each gives a message to the loop. One of another type is an error of its worker,
// and the last that is heard of it.
func (g *gatherer[Resp]) each(e *messaging.Envelope) error {
	if g.failed[g.worker] {
		return nil
	}
	reply, err := messaging.Open[Resp](e)
	if err != nil {
		return g.fail(g.worker, err)
	}
	return g.give(Answer[Resp]{Worker: g.worker, Reply: reply})
}

// fail gives the error of a worker to the loop, if it is the first.
func (g *gatherer[Resp]) fail(worker string, err error) error {
	if g.failed[worker] {
		return nil
	}
	g.failed[worker] = true
	return g.give(Answer[Resp]{Worker: worker, Err: err})
}

// give gives an answer to the loop.
func (g *gatherer[Resp]) give(a Answer[Resp]) error {
	if g.left = !g.yield(a); g.left {
		return errEnough
	}
	return nil
}
