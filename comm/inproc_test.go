package comm_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm"
)

// name is an inproc endpoint that several tests dial before it is bound.
const name = "inproc://here"

// wantNames checks how many names are bound in the context and waited for.
func (r *rig) wantNames(bound, waited int) {
	r.Helper()
	if b, w := r.zctx.Names(); b != bound || w != waited {
		r.Errorf("%d names are bound and %d waited for, want %d and %d", b, w, bound, waited)
	}
}

// sendsAfter starts to send, waits until that waits, and returns what to check
// when it should have been sent.
func (r *rig) sendsAfter(s waitingSender, frames ...string) (sent func()) {
	r.Helper()
	result := make(chan error, 1)
	r.spawned.Go(func() { result <- s.Send(r.ctx, message(frames...)) })
	r.eventually("the sender waits", func() bool { _, n := s.Waiting(); return n == 1 })
	return func() { r.Helper(); r.ok(<-result) }
}

// bindAgain binds a name that libzmq is about to let go of.
func (r *rig) bindAgain(s socket, endpoint string) {
	r.Helper()
	r.eventually("the name is free", func() bool {
		err := s.Bind(endpoint)
		if err != nil {
			r.wantError(err, comm.AddressInUse)
		}
		return err == nil
	})
}

func TestSendersWaitUntilTheNameIsBound(t *testing.T) {
	for kind, sockets := range map[string]func(r *rig) (waitingSender, receiver){
		"dealer": func(r *rig) (waitingSender, receiver) { return r.dealer(name), r.dealer("") },
		"queue":  func(r *rig) (waitingSender, receiver) { return r.dealer(name, comm.WithImmediate(false)), r.pair("") },
		"push":   func(r *rig) (waitingSender, receiver) { return r.push(name), r.pull("") },
		"pair":   func(r *rig) (waitingSender, receiver) { return r.pair(name), r.pair("") },
	} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t)
			from, to := sockets(r)
			sent := r.sendsAfter(from, "first")
			r.wantNames(0, 1)
			r.ok(to.Bind("inproc://other"))
			r.wantNames(1, 1)
			r.ok(to.Bind(name))
			sent()
			r.send(from, "second")
			r.want(to, "first")
			r.want(to, "second")
			r.wantNames(2, 0)
		})
	}
}

func TestRequestsWaitUntilTheNameIsBound(t *testing.T) {
	r := newRig(t)
	req := r.request(name)
	result := make(chan error, 1)
	r.spawned.Go(func() {
		_, err := req.Do(r.ctx, []byte("x"))
		result <- err
	})
	r.eventually("the caller waits", func() bool { _, n := req.Waiting(); return n == 1 })
	r.answer(r.response("@" + name))
	r.ok(<-result)
}

func TestSubscribersGetWhatIsPublishedAfterTheNameIsBound(t *testing.T) {
	r := newRig(t)
	a, b := r.subscriber(name), r.xsub(name)
	r.ok(a.Subscribe([]byte("t")))
	r.send(b, "\x01t")
	p := r.publisher(name)
	r.ok(p.WaitForSubscribers(r.ctx, 2, []byte("topic")))
	r.send(p, "topic", "x")
	r.want(a, "topic", "x")
	r.want(b, "topic", "x")
}

func TestRouterKnowsThePeerWhenTheNameIsBound(t *testing.T) {
	r := newRig(t)
	router := r.router(">" + name)
	r.wantError(router.Send(r.ctx, message("peer", "x")), comm.Unreachable)
	d := r.dealer("@"+name, comm.WithRoutingID("peer"))
	r.eventually("the peer is known", func() bool { return router.Send(r.ctx, message("peer", "x")) == nil })
	r.want(d, "x")
}

func TestFirstPairThatDialedGetsThePeer(t *testing.T) {
	r := newRig(t)
	gone, first, second := r.pair(name), r.pair(name), r.pair(name, drop)
	r.ok(gone.Close())
	here := r.pair("@" + name)
	r.send(here, "x")
	r.want(first, "x")
	r.ok(second.Close())
	r.send(first, "y")
	r.want(here, "y")
}

func TestSocketsMeetInOneListOfEndpoints(t *testing.T) {
	r := newRig(t)
	d := r.dealer(">"+name+",@"+name, drop)
	r.send(d, "x")
	r.want(d, "x")
	r.wantNames(1, 0)
}

func TestConnectionsThatWaitAreTakenBack(t *testing.T) {
	r := newRig(t)
	d, other := r.dealer(name+","+name), r.dealer(name)
	r.ok(d.Disconnect(name))
	r.wantError(d.Disconnect(name), comm.AddressUnavailable)
	r.wantNames(0, 1)
	r.ok(other.Close())
	r.wantNames(0, 0)
	sent := r.sendsAfter(d, "x")
	pull := r.dealer("@" + name)
	r.ok(d.Connect(name))
	sent()
	r.want(pull, "x")
}

func TestFailedSocketsLeaveNoNames(t *testing.T) {
	r := newRig(t)
	r.router("inproc://taken")
	_, err := comm.NewDealer(r.zctx, name+",@inproc://mine,@inproc://taken")
	r.wantError(err, comm.AddressInUse)
	r.wantNames(1, 0)
}

func TestOfSeveralEndpointsThoseThatAreBoundAreConnected(t *testing.T) {
	r := newRig(t)
	r.router("inproc://taken")
	push, pull := r.push(name), r.pull("")
	r.wantError(pull.Bind(name+", inproc://taken"), comm.AddressInUse)
	r.send(push, "x")
	r.want(pull, "x")
}

// A socket that dialed before the listener went away stays alone, as ever; one that
// dials after that, though libzmq may know the old name still, gets the next listener.
func TestDialersOfANameThatIsBoundAgain(t *testing.T) {
	for how, leave := range map[string]func(socket) error{
		"close":  socket.Close,
		"unbind": func(s socket) error { return s.Unbind(name) },
	} {
		t.Run(how, func(t *testing.T) {
			r := newRig(t)
			before, pull := r.push(name, drop), r.pull(name)
			for i := range 20 {
				r.ok(leave(pull))
				push := r.push(name)
				sent := r.sendsAfter(push, fmt.Sprint(i))
				pull = r.pull("")
				r.bindAgain(pull, name)
				sent()
				r.want(pull, fmt.Sprint(i))
				r.ok(push.Close())
			}
			if how == "close" {
				r.sendsAfter(before, "nobody")
			}
		})
	}
}

func TestNamesThatNobodyCanBindAreRefusedAtOnce(t *testing.T) {
	r := newRig(t)
	longest := "inproc://" + strings.Repeat("x", 1023-len("inproc://"))
	push, pull := r.push(longest), r.pull(longest)
	r.send(push, "x")
	r.want(pull, "x")
	for _, text := range []string{longest + "x", "inproc://"} {
		r.wantError(push.Connect(text), comm.Invalid)
		r.wantError(push.Bind(text), comm.Invalid)
		_, err := comm.NewPush(r.zctx, text)
		r.wantError(err, comm.Invalid)
	}
}

// libzmq crashed now and then when a context ended in which two connections to
// one name had found no listener.
func TestContextsEndWhoseDialersFoundNobody(t *testing.T) {
	const contexts = 2000
	engine, _, _ := enginesOfRun(t)
	var work sync.WaitGroup
	next := make(chan struct{})
	for range 8 {
		work.Go(func() {
			for range next {
				if err := dialNobody(engine); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range contexts {
		next <- struct{}{}
	}
	close(next)
	work.Wait()
}

// dialNobody opens a context with dialers that find nobody, or nobody any more, and
// closes it. There are many connections, so that libzmq is long about it.
func dialNobody(engine comm.Engine) error {
	zctx, err := comm.NewContext(comm.WithEngine(engine), comm.WithMaxSockets(1000))
	if err != nil {
		return err
	}
	gone, err := comm.NewRouter(zctx, "inproc://gone", drop)
	if err != nil {
		return errors.Join(err, zctx.Close())
	}
	wrong := []error{gone.Close()}
	dials := strings.Repeat(name+",inproc://gone,", 50) + name
	for range 2 {
		_, err := comm.NewDealer(zctx, dials, drop)
		wrong = append(wrong, err)
	}
	return errors.Join(append(wrong, zctx.Close())...)
}

// Listeners and dialers come and go at a few names, in every order there is.
func TestNamesAreBoundWhileDialersComeAndGo(t *testing.T) {
	const rounds = 300
	r := newRig(t)
	endpoints := []string{"inproc://0", "inproc://1", "inproc://2"}
	all := strings.Join(endpoints, ",")
	var work sync.WaitGroup
	repeat := func(round func(i int) error) {
		for first := range 2 {
			work.Go(func() {
				for i := range rounds {
					if err := round(first + i); err != nil && !errors.Is(err, comm.AddressInUse) && !errors.Is(err, comm.AddressUnavailable) {
						t.Error(err)
					}
				}
			})
		}
	}
	lasting := r.dealer(all, drop)
	repeat(func(i int) error { // binds, and dials the next
		at := endpoints[i%len(endpoints)] + ",>" + endpoints[(i+1)%len(endpoints)]
		s, err := comm.NewDealer(r.zctx, "@"+at, drop)
		if err != nil {
			return err
		}
		return errors.Join(s.Unbind(endpoints[i%len(endpoints)]), s.Close())
	})
	repeat(func(int) error {
		s, err := comm.NewDealer(r.zctx, all, drop)
		if err != nil {
			return err
		}
		return s.Close()
	})
	repeat(func(i int) error {
		endpoint := endpoints[i%len(endpoints)]
		return errors.Join(lasting.Connect(endpoint), lasting.Disconnect(endpoint))
	})
	repeat(func(int) error { // is closed by two while it waits or is connected
		s, err := comm.NewDealer(r.zctx, all, drop)
		if err != nil {
			return err
		}
		closed := make(chan error, 1)
		work.Go(func() { closed <- s.Close() })
		err = s.Send(r.ctx, message("x"))
		if errors.Is(err, net.ErrClosed) {
			err = nil
		}
		return errors.Join(err, s.Close(), <-closed)
	})
	work.Wait()
	last := r.dealer(all, drop)
	for _, endpoint := range endpoints {
		d := r.dealer("")
		r.bindAgain(d, endpoint)
		r.send(r.dealer(endpoint), "x")
	}
	r.send(last, "x")
	r.wantNames(len(endpoints), 0)
}
