package comm_test

import (
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
)

func TestClosingWakesEveryoneWhoWaits(t *testing.T) {
	const each = 8
	r := newRig(t)
	d, pair, router, p := r.dealer("@inproc://1"), r.pair("@inproc://2"), r.router("@inproc://3"), r.publisher("@inproc://4")
	req, rep := r.request("@inproc://5"), r.response("@inproc://6")
	calls := []func() error{
		func() error { _, err := d.Recv(r.ctx); return err },
		func() error { return d.Send(r.ctx, message("x")) },
		func() error { _, err := pair.RecvBatch(r.ctx, make([]comm.Message, 2)); return err },
		func() error { _, err := pair.SendBatch(r.ctx, []comm.Message{message("x")}); return err },
		func() error { return waitRooms(router.WaitRoom(r.ctx), func() error { return router.WaitRoom(r.ctx) }) },
		func() error { return waitRooms(rep.WaitRoom(r.ctx), func() error { return rep.WaitRoom(r.ctx) }) },
		func() error { _, err := rep.Recv(r.ctx); return err },
		func() error { _, err := req.Do(r.ctx, []byte("x")); return err },
		func() error { return p.WaitForSubscribers(r.ctx, 1, nil) },
	}
	var returned sync.WaitGroup
	for _, call := range calls {
		for range each {
			returned.Go(func() { r.wantClosed(call()) })
		}
	}
	r.eventually("they wait", func() bool {
		receivers, senders := d.Waiting()
		requests, _ := rep.Waiting()
		_, asking := req.Waiting()
		return receivers == each && senders == each && requests == each && asking == each
	})
	for _, s := range []socket{d, pair, router, p, req, rep} {
		r.ok(s.Close())
	}
	returned.Wait()
}

// waitRooms calls again while a call returns without an error, as it may.
func waitRooms(err error, again func() error) error {
	for err == nil {
		err = again()
	}
	return err
}

// wantClosed checks that an error says that something is closed.
func (r *rig) wantClosed(err error) {
	r.Helper()
	r.wantError(err, comm.Closed)
	r.wantError(err, net.ErrClosed)
}

func TestClosingAgainDoesNothing(t *testing.T) {
	r := newRig(t)
	d := r.dealer("@tcp://127.0.0.1:*")
	port, err := comm.AcquirePort("")
	must(t, port, err)
	for range 3 {
		r.ok(d.Close())
		r.ok(port.Close())
	}
	for range 3 {
		r.ok(r.zctx.Close())
	}
}

func TestClosingAContextClosesItsSockets(t *testing.T) {
	r := newRig(t)
	d := r.dealer("@inproc://here")
	result := make(chan error, 1)
	r.spawned.Go(func() {
		_, err := d.Recv(r.ctx)
		result <- err
	})
	r.eventually("it waits", func() bool { n, _ := d.Waiting(); return n == 1 })
	r.ok(r.zctx.Close())
	r.wantClosed(<-result)
	r.wantClosed(d.Send(r.ctx, message("x")))
}

func TestNothingIsMadeInAClosedContext(t *testing.T) {
	r := newRig(t)
	r.ok(r.zctx.Close())
	_, err := comm.NewRouter(r.zctx, "tcp://127.0.0.1:*")
	r.wantClosed(err)
	_, err = comm.NewPublisher(r.zctx, "")
	r.wantClosed(err)
}

func TestCallsOnAClosedSocketSaySo(t *testing.T) {
	r := newRig(t)
	d, rep, req := r.dealer("@tcp://127.0.0.1:*"), r.response(""), r.request("")
	p, s := r.publisher(""), r.subscriber("")
	endpoint := at(d)
	for _, s := range []socket{d, rep, req, p, s} {
		r.ok(s.Close())
	}
	port, err := comm.AcquirePort("")
	must(t, port, err)
	defer port.Close()
	_, doErr := req.Do(r.ctx, []byte("x"))
	_, recvErr := d.Recv(r.ctx)
	_, batchErr := d.RecvBatch(r.ctx, make([]comm.Message, 1))
	_, sendErr := d.SendBatch(r.ctx, []comm.Message{message("x")})
	for _, err := range []error{
		doErr, recvErr, batchErr, sendErr,
		d.Send(r.ctx, message("x")), rep.Reply(r.ctx, message("x", "").Frames), rep.WaitRoom(r.ctx),
		d.Bind("tcp://127.0.0.1:*"), d.Connect(endpoint), d.Unbind(endpoint), d.Disconnect(endpoint), d.BindPort(port),
		s.Subscribe(nil), s.Unsubscribe(nil), p.WaitForSubscribers(r.ctx, 0, nil),
	} {
		r.wantClosed(err)
	}
	if at(d) != endpoint || d.String() != "dealer["+endpoint+"]" || p.Subscribers(nil) != 0 {
		t.Errorf("%v has forgotten what it was", d)
	}
}

func TestSocketsMayBeClosedAtAnyMoment(t *testing.T) {
	for _, bind := range []string{"@tcp://127.0.0.1:*", "@ipc://*", "@inproc://here"} {
		for range 6 {
			closeInTheMiddle(t, bind)
		}
	}
}

// closeInTheMiddle closes sockets and their context while all is called.
func closeInTheMiddle(t *testing.T, bind string) {
	r := newRig(t, comm.WithPoison())
	router, p := r.router(bind, few, drop), r.publisher(elsewhere(bind), few, drop)
	d, s, other := r.dealer(at(router), few, drop), r.subscriber(at(p), few), r.dealer("", drop)
	endpoint := at(router)
	untilClosed := func(call func() error) {
		r.spawned.Go(func() {
			for !errors.Is(call(), net.ErrClosed) && r.ctx.Err() == nil {
			}
		})
	}
	// What libzmq ends in the background keeps its descriptors until then; with
	// no bound on these they would run out.
	someTimes := func(call func() error) {
		left := 50
		untilClosed(func() error {
			if left--; left == 0 {
				return net.ErrClosed
			}
			return call()
		})
	}
	for range 2 {
		untilClosed(func() error { return d.Send(r.ctx, message("x", "y")) })
		untilClosed(func() error { m, err := d.Recv(r.ctx); m.Release(); return err })
		untilClosed(func() error { m, err := router.Recv(r.ctx); return errors.Join(err, echo(r, router, m)) })
		untilClosed(func() error { return p.Send(r.ctx, message("topic", "news")) })
		untilClosed(func() error { m, err := s.Recv(r.ctx); m.Release(); return err })
		untilClosed(func() error {
			return errors.Join(s.Subscribe([]byte("t")), p.WaitForSubscribers(r.ctx, 1, []byte("t")), s.Unsubscribe([]byte("t")))
		})
		someTimes(func() error { return errors.Join(other.Connect(endpoint), other.Disconnect(endpoint)) })
		untilClosed(func() error { return router.WaitRoom(r.ctx) })
		someTimes(func() error { return bindAndUnbind(router) })
		untilClosed(func() error { return p.WaitForSubscribers(r.ctx, 1, []byte("topic")) })
		someTimes(func() error {
			extra, err := comm.NewDealer(r.zctx, endpoint, drop)
			if err != nil {
				return err
			}
			return extra.Close()
		})
	}
	r.eventually("messages flow", func() bool { return router.Stats().Received > 10 && s.Stats().Received > 0 })
	for _, s := range []socket{d, s, other, router, p} {
		r.spawned.Go(func() { r.ok(s.Close()) })
		r.spawned.Go(func() { r.ok(s.Close()) })
	}
	r.ok(r.zctx.Close())
	r.spawned.Wait()
}

// bindAndUnbind listens on a free port for a moment.
func bindAndUnbind(s socket) error {
	err := s.Bind("tcp://127.0.0.1:*")
	if endpoints := s.Endpoints(); len(endpoints) > 1 {
		err = errors.Join(err, s.Unbind(endpoints[len(endpoints)-1]))
	}
	return err
}

// echo sends a message back if there is one, and gives it up.
func echo(r *rig, router *comm.Router, m comm.Message) error {
	if len(m.Frames) == 0 {
		return nil
	}
	defer m.Release()
	return router.Send(r.ctx, m)
}

func TestWhatWasSentIsDeliveredAfterClosing(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		const n = 100
		pull := r.pull(bind)
		push := r.push(at(pull), comm.WithLinger(time.Hour))
		for range n {
			r.send(push, "left behind")
		}
		r.ok(push.Close())
		for range n {
			r.want(pull, "left behind")
		}
	})
}

// A hang, and no time, is what these two would show.

func TestMessagesForNobodyDoNotHoldUpAContextWithoutLinger(t *testing.T) {
	r := newRig(t)
	push := r.push(">tcp://127.0.0.1:9", comm.WithLinger(0)) // the port of discard, or none
	r.send(push, "for nobody")
	r.ok(r.zctx.Close())
}

func TestSubscriptionsToADeadPublisherDoNotHoldUpAContext(t *testing.T) {
	for _, bind := range []string{"@tcp://127.0.0.1:*", "@ipc://*"} {
		r := newRig(t)
		p := r.publisher(bind)
		s := r.subscriber(at(p), comm.WithLinger(time.Hour))
		r.subscribe(p, s, "news")
		r.ok(p.Close())
		r.eventually("it is gone", func() bool { return s.Stats().Connections == 0 })
		r.ok(r.zctx.Close())
	}
}

func TestConstructorsThatFailLeaveNothingOpen(t *testing.T) {
	r := newRig(t)
	taken := at(r.router("tcp://127.0.0.1:*"))
	before := descriptors(t)
	for range 20 {
		for _, endpoints := range []string{"@" + taken, "@tcp://127.0.0.1:*, @ipc:///nowhere/at/all/x", "nonsense", "@tcp://203.0.113.1:*"} {
			if s, err := comm.NewDealer(r.zctx, endpoints); err == nil {
				s.Close()
				t.Fatalf("%q: no error", endpoints)
			}
			if s, err := comm.NewPublisher(r.zctx, endpoints); err == nil {
				s.Close()
				t.Fatalf("%q: no error", endpoints)
			}
		}
		if _, err := comm.NewContext(comm.WithIOThreads(0)); err == nil {
			t.Fatal("no error")
		}
	}
	r.eventually("all descriptors are closed", func() bool { return descriptors(t) <= before })
}

// descriptors counts the open descriptors of this process.
func descriptors(t *testing.T) int {
	open, err := os.ReadDir("/dev/fd")
	return len(must(t, open, err))
}
