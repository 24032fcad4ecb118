package call

import (
	"context"
	"errors"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// Unary makes a call and returns its answer. Resp is a pointer to a generated
// message; an answer of another type is an error.
func Unary[Resp proto.Message](ctx context.Context, c Caller, m Method, req proto.Message, options ...Option) (Resp, error) {
	var answer Resp
	r := newRequest(m, req, options)
	if r.each != nil {
		return answer, c.Call(ctx, r, r.each)
	}
	answers := 0
	err := c.Call(ctx, r, func(e *messaging.Envelope) (err error) {
		answers++
		answer, err = messaging.Open[Resp](e)
		return err
	})
	if err == nil && answers != 1 {
		err = messaging.Errorf(messaging.Internal, "%v gave %d answers, want one", m, answers)
	}
	if err != nil {
		var none Resp
		return none, err
	}
	return answer, nil
}

// errEnough ends a stream whose reader wants no more.
var errEnough = errors.New("enough")

// Stream makes a call that is answered by a stream. Each range over it is a call;
// leaving the loop cancels it. An error is the last pair, with an item that is
// nil. The server waits while [WithWindow] items are unread.
func Stream[Item proto.Message](ctx context.Context, c Caller, m Method, req proto.Message, options ...Option) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var none Item
		r := newRequest(m, req, options)
		if r.each != nil {
			if err := c.Call(ctx, r, r.each); err != nil {
				yield(none, err)
			}
			return
		}
		left := false
		err := c.Call(ctx, r, func(e *messaging.Envelope) error {
			item, err := messaging.Open[Item](e)
			if err != nil {
				return err
			}
			if left = !yield(item, nil); left {
				return errEnough
			}
			return nil
		})
		if err != nil && !left {
			yield(none, err)
		}
	}
}

// OneWay makes a call that is not answered. It returns when the request is on its
// way: whether it arrives, and what becomes of it, is not known.
func OneWay(ctx context.Context, c Caller, m Method, req proto.Message, options ...Option) error {
	r := newRequest(m, req, options)
	r.OneWay = true
	return c.Call(ctx, r, func(*messaging.Envelope) error { return nil })
}

// Pending is a unary call whose answer is read later. It may be waited for by any
// number of goroutines.
type Pending[Resp proto.Message] struct {
	done   chan struct{}
	cancel context.CancelFunc
	answer Resp
	err    error
}

// Bind returns a unary method as a function, as the methods of stubs are.
func Bind[Req, Resp proto.Message](c Caller, m Method) func(context.Context, Req, ...Option) (Resp, error) {
	return func(ctx context.Context, req Req, options ...Option) (Resp, error) {
		return Unary[Resp](ctx, c, m, req, options...)
	}
}

// BindStream is [Bind] with a method that is answered by a stream.
func BindStream[Req, Item proto.Message](c Caller, m Method) func(context.Context, Req, ...Option) iter.Seq2[Item, error] {
	return func(ctx context.Context, req Req, options ...Option) iter.Seq2[Item, error] {
		return Stream[Item](ctx, c, m, req, options...)
	}
}

// Go calls a method of a stub, such as calculator.Add, or what [Bind] returns; its
// answer is read with Wait. The call ends with ctx, or with Cancel. It is
// hololinked's noblock.
func Go[Req, Resp proto.Message](
	ctx context.Context, method func(context.Context, Req, ...Option) (Resp, error), req Req, options ...Option,
) *Pending[Resp] {
	ctx, cancel := context.WithCancel(ctx)
	p := &Pending[Resp]{done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(p.done)
		defer cancel()
		p.answer, p.err = method(ctx, req, options...)
	}()
	return p
}

// Done is closed when the call has ended.
func (p *Pending[Resp]) Done() <-chan struct{} { return p.done }

// Wait returns the answer when it is there. If ctx ends before, that is the
// error, and the call goes on.
func (p *Pending[Resp]) Wait(ctx context.Context) (Resp, error) {
	select {
	case <-p.done:
		return p.answer, p.err
	case <-ctx.Done():
		var none Resp
		return none, messaging.AsError(ctx.Err())
	}
}

// Cancel ends the call, unless it has ended, and waits for that.
func (p *Pending[Resp]) Cancel() {
	p.cancel()
	<-p.done
}
