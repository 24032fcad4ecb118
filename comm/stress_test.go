package comm_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
)

// Loads that lose a message, or wait for ever, if one wake-up is lost. They are
// made of short rounds with an end, since as long as messages flow a later
// wake-up hides one that was lost. All run at the high-water mark.
const (
	crowd   = 16 // goroutines at each end of a flow
	lowMark = 8  // the high-water mark
)

// flow is traffic in one direction.
type flow struct {
	send func(ctx context.Context, body []byte) error
	recv func(ctx context.Context) (comm.Message, error)
}

// between returns the flow from one socket to another.
func between(from sender, to receiver) flow {
	return flow{
		send: func(ctx context.Context, body []byte) error { return from.Send(ctx, comm.NewMessage(body)) },
		recv: to.Recv,
	}
}

func TestStressBetweenDealersLosesNothing(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.dealer(bind, comm.WithHighWaterMark(lowMark))
		b := r.dealer(at(a), comm.WithHighWaterMark(lowMark))
		newLoad(r, a, b).rounds(between(a, b), between(b, a))
	})
}

func TestStressBetweenPairsLosesNothing(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.pair(bind, comm.WithHighWaterMark(lowMark))
		b := r.pair(at(a), comm.WithHighWaterMark(lowMark))
		newLoad(r, a, b).rounds(between(a, b), between(b, a))
	})
}

func TestStressFromPushToPullLosesNothing(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		pull := r.pull(bind, comm.WithHighWaterMark(lowMark))
		push := r.push(at(pull), comm.WithHighWaterMark(lowMark))
		newLoad(r, pull, push).rounds(between(push, pull))
	})
}

func TestStressBetweenRouterAndDealersLosesNothing(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		router := r.router(bind, comm.WithHighWaterMark(lowMark))
		sockets := []waiter{router}
		flows := []flow{}
		for _, name := range []string{"ann", "bob", "cid"} {
			d := r.dealer(at(router), comm.WithHighWaterMark(lowMark), comm.WithRoutingID(name))
			// Until the router knows the name, it has nowhere to send to.
			r.send(d, "hello")
			r.want(router, name, "hello")
			sockets = append(sockets, d)
			flows = append(flows, r.routed(router, name, d))
			flows = append(flows, between(d, router))
		}
		newLoad(r, sockets...).rounds(flows...)
	})
}

// routed returns the flow from a router to one of its peers.
func (r *rig) routed(from *comm.Router, name string, to *comm.Dealer) flow {
	return flow{
		send: func(ctx context.Context, body []byte) error {
			return r.sendWhenRoom(ctx, from, comm.NewMessage([]byte(name), body))
		},
		recv: to.Recv,
	}
}

func TestStressOfBlockingPublisherLosesNothing(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		p := r.publisher(bind, comm.WithHighWaterMark(lowMark), comm.WithOverflow(comm.Block))
		s := r.subscriber(at(p), comm.WithHighWaterMark(lowMark))
		r.subscribe(p, s, "")
		newLoad(r, p, s).rounds(between(p, s))
	})
}

// rounds runs rounds for a third of the fault time: a third because there are
// three transports.
func (l *load) rounds(flows ...flow) {
	l.Helper()
	random := rand.New(rand.NewPCG(rand.Uint64(), 0))
	for until := time.Now().Add(faulttest.Length(l) / 3); l.running(until); {
		l.round(flows, 1+random.IntN(40))
	}
	l.wantBalance()
	l.Logf("%d messages", l.received.Load())
}

// round has everyone in the crowd send and receive n messages in each flow. Who
// has received that many goes away, and so cannot stand in for one who sleeps.
func (l *load) round(flows []flow, n int) {
	var busy sync.WaitGroup
	for _, f := range flows {
		for range crowd {
			busy.Go(func() { l.sendSome(f, n) })
			busy.Go(func() { l.receiveSome(f, n) })
		}
	}
	busy.Wait()
}

// sendSome sends n messages.
func (l *load) sendSome(f flow, n int) {
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for range n {
		body := l.next(random)
		if err := f.send(l.ctx, body); err != nil {
			l.complain("send", err)
			return
		}
		l.noteSent(body)
	}
}

// receiveSome receives n messages.
func (l *load) receiveSome(f flow, n int) {
	for range n {
		m, err := f.recv(l.ctx)
		if err != nil {
			l.complain("receive", err)
			return
		}
		l.noteReceived(m)
	}
}

// complain reports an error, unless it is that of a load that was ended.
func (l *load) complain(what string, err error) {
	if l.ctx.Err() == nil {
		l.Errorf("%s: %v", what, err)
	}
}

func TestStressOfCancelledCallsLosesNothing(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.dealer(bind, comm.WithHighWaterMark(lowMark))
		b := r.dealer(at(a), comm.WithHighWaterMark(lowMark))
		l := newLoad(r, a, b)
		for until := time.Now().Add(faulttest.Length(t) / 3); l.running(until); {
			l.impatientRound(between(a, b))
		}
		l.wantBalance()
		t.Logf("%d messages", l.received.Load())
	})
}

// impatientRound has a crowd send and another receive, each call with little
// patience, until all that was sent is received.
func (l *load) impatientRound(f flow) {
	var sending, receiving sync.WaitGroup
	allSent := make(chan struct{})
	for range crowd {
		sending.Go(func() { l.sendImpatiently(f, 50) })
		receiving.Go(func() { l.receiveImpatiently(f, allSent) })
	}
	sending.Wait()
	close(allSent)
	receiving.Wait()
}

// sendImpatiently tries n times to send.
func (l *load) sendImpatiently(f flow, n int) {
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for range n {
		ctx, cancel := l.impatience(random)
		body := l.next(random)
		err := f.send(ctx, body)
		cancel()
		switch {
		case err == nil:
			l.noteSent(body)
		case !errors.Is(err, context.Canceled):
			l.complain("send", err)
		}
	}
}

// receiveImpatiently receives until all that was sent has been received.
func (l *load) receiveImpatiently(f flow, allSent <-chan struct{}) {
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for l.ctx.Err() == nil {
		ctx, cancel := l.impatience(random)
		m, err := f.recv(ctx)
		cancel()
		switch {
		case err == nil:
			l.noteReceived(m)
		case !errors.Is(err, context.Canceled):
			l.complain("receive", err)
		}
		select {
		case <-allSent:
			if l.balanced() {
				return
			}
		default:
		}
	}
}

// impatience returns a context that ends soon.
func (l *load) impatience(random *rand.Rand) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(l.ctx)
	time.AfterFunc(time.Duration(random.IntN(300))*time.Microsecond, cancel)
	return ctx, cancel
}

func TestStressOfReceiverWokenInPlaceOfCancelledOnes(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.dealer(bind)
		b := r.dealer(at(a))
		l := newLoad(r, a, b)
		for until := time.Now().Add(faulttest.Length(t) / 3); l.running(until); {
			l.oneOfManyReceives(between(b, a))
		}
		l.wantBalance()
		t.Logf("%d messages", l.received.Load())
	})
}

// oneOfManyReceives sends one message to a crowd of which all but one lose their
// patience at that moment. Whichever caller was woken for it, one of them receives it.
func (l *load) oneOfManyReceives(f flow) {
	ctx, loseMostPatience := context.WithCancel(l.ctx)
	done, losePatience := context.WithCancel(l.ctx)
	defer losePatience()
	var waiting sync.WaitGroup
	for i := range crowd {
		patience := ctx
		if i == crowd/2 {
			patience = done
		}
		waiting.Go(func() {
			m, err := f.recv(patience)
			switch {
			case err == nil:
				l.noteReceived(m)
				losePatience()
			case !errors.Is(err, context.Canceled):
				l.complain("receive", err)
			}
		})
	}
	waiting.Go(loseMostPatience)
	l.sendSome(f, 1)
	waiting.Wait()
}

func TestStressOfSenderWokenInPlaceOfCancelledOnes(t *testing.T) {
	r := newRig(t)
	// inproc: elsewhere buffers of the system make room that nobody counts.
	a := r.dealer("@inproc://here", comm.WithHighWaterMark(1))
	b := r.dealer(at(a), comm.WithHighWaterMark(1))
	l := newLoad(r, a, b)
	for until := time.Now().Add(faulttest.Length(t) / 3); l.running(until); {
		l.oneOfManySends(between(a, b))
	}
	l.wantBalance()
	t.Logf("%d messages", l.received.Load())
}

// oneOfManySends has a crowd wait for room, of which all but one lose their
// patience while room is made. The caller that was woken for it sends.
func (l *load) oneOfManySends(f flow) {
	ctx, loseMostPatience := context.WithCancel(l.ctx)
	sent, stop := context.WithCancel(l.ctx)
	defer stop()
	var sending, receiving sync.WaitGroup
	for i := range crowd {
		patience := ctx
		if i == crowd/2 {
			patience = l.ctx
		}
		sending.Go(func() { l.sendOnce(patience, f) })
	}
	sending.Go(loseMostPatience)
	receiving.Go(func() { l.receiveUntil(sent, f) })
	sending.Wait()
	stop()
	receiving.Wait()
}

// sendOnce sends a message if there is room before ctx ends.
func (l *load) sendOnce(ctx context.Context, f flow) {
	body := l.next(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	err := f.send(ctx, body)
	switch {
	case err == nil:
		l.noteSent(body)
	case !errors.Is(err, context.Canceled):
		l.complain("send", err)
	}
}

// receiveUntil receives until ctx ends, and then what is left.
func (l *load) receiveUntil(ctx context.Context, f flow) {
	patience := ctx
	for {
		m, err := f.recv(patience)
		switch {
		case err == nil:
			l.noteReceived(m)
		case !errors.Is(err, context.Canceled):
			l.complain("receive", err)
		}
		if ctx.Err() == nil {
			continue
		}
		if l.balanced() || l.ctx.Err() != nil {
			return
		}
		patience = l.ctx
	}
}

// A call that is refused may take the wake-up of the callers that wait in the other
// direction: it has to pass it on.
func TestStressOfReceiversWhoTakeTheWakeUpsOfSenders(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.dealer(bind, comm.WithHighWaterMark(1))
		b := r.dealer(at(a), comm.WithHighWaterMark(1))
		l := newLoad(r, a, b)
		for until := time.Now().Add(faulttest.Length(t) / 3); l.running(until); {
			l.crossRound(between(a, b), between(b, a))
		}
		l.wantBalance()
		t.Logf("%d messages", l.received.Load())
	})
}

// crossRound sends in one direction while a crowd begins to receive in the
// other, where nothing comes until all of that is done.
func (l *load) crossRound(there, back flow) {
	var first, second sync.WaitGroup
	for range crowd {
		second.Go(func() { l.receiveSome(back, 1) })
		first.Go(func() { l.sendSome(there, 2) })
		second.Go(func() { l.receiveSome(back, 1) })
		first.Go(func() { l.receiveSome(there, 2) })
		second.Go(func() { l.receiveSome(back, 1) })
	}
	first.Wait()
	second.Go(func() { l.sendSome(back, 3*crowd) })
	second.Wait()
}
