package comm_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/mittere/mittere/comm"
)

// What each pattern does is the same on every transport.

func TestSubscriberReceivesInOrderWhatItAskedFor(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		p := r.publisher(bind)
		s := r.subscriber(at(p))
		r.subscribe(p, s, "news")
		for i := range 200 {
			r.send(p, "other", "not asked for")
			r.send(p, fmt.Sprint("news", i), "body")
		}
		for i := range 200 {
			r.want(s, fmt.Sprint("news", i), "body")
		}
	})
}

func TestUnsubscribingEndsTheMessages(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		p := r.publisher(bind)
		s := r.subscriber(at(p))
		r.subscribe(p, s, "a")
		r.subscribe(p, s, "b")
		r.ok(s.Unsubscribe([]byte("a")))
		r.ok(s.Unsubscribe([]byte("never asked for")))
		r.eventually("the subscription ends", func() bool { return p.Subscribers([]byte("a")) == 0 })
		r.send(p, "a")
		r.send(p, "b")
		r.want(s, "b")
	})
}

func TestRequestIsAnswered(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		rep := r.response(bind)
		req := r.request(at(rep))
		r.answer(rep)
		for i := range 50 {
			r.wantAnswer(req, fmt.Sprint("question ", i), "", "second frame")
		}
	})
}

// wantAnswer sends a request to servers that answer with the same body.
func (r *rig) wantAnswer(req *comm.Req, body ...string) {
	r.Helper()
	m, err := req.Do(r.ctx, message(body...).Frames...)
	if err != nil {
		r.Fatal(err)
	}
	if got := texts(m.Frames); !slices.Equal(got, body) {
		r.Fatalf("answered %q, want %q", got, body)
	}
	m.Release()
}

func TestAnswersInAnyOrderReachTheirRequests(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		const n = 20
		rep := r.response(bind)
		req := r.request(at(rep))
		var asking sync.WaitGroup
		for i := range n {
			asking.Go(func() { r.wantAnswer(req, fmt.Sprint(i)) })
		}
		var asked []comm.Message
		for range n {
			m, err := rep.Recv(r.ctx)
			asked = append(asked, must(r, m, err))
		}
		for _, m := range slices.Backward(asked) {
			route, body := splitRoute(m.Frames)
			r.ok(rep.Reply(r.ctx, route, body...))
		}
		asking.Wait()
	})
}

func TestResponseAnswersPlainDealersAndThoseThatActAsREQ(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		rep := r.response(bind)
		d := r.dealer(at(rep))
		r.answer(rep)
		r.send(d, "plain")
		r.want(d, "plain")
		r.send(d, "", "with a delimiter")
		r.want(d, "", "with a delimiter")
	})
}

func TestRouterTalksWithEachDealerByName(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		router := r.router(bind)
		ann := r.dealer(at(router), comm.WithRoutingID("ann"))
		bob := r.dealer(at(router), comm.WithRoutingID("bob"))
		r.send(ann, "I am Ann")
		r.want(router, "ann", "I am Ann")
		r.send(bob, "I am Bob")
		r.want(router, "bob", "I am Bob")
		r.send(router, "bob", "for Bob", "")
		r.send(router, "ann", "for Ann")
		r.want(ann, "for Ann")
		r.want(bob, "for Bob", "")
	})
}

func TestRouterMakesUpNamesThatLeadBack(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		router := r.router(bind)
		ann, bob := r.dealer(at(router)), r.dealer(at(router))
		r.send(ann, "Ann")
		fromAnn := r.recv(router)
		r.send(bob, "Bob")
		fromBob := r.recv(router)
		if fromAnn[0] == fromBob[0] {
			t.Fatalf("both are named %q", fromAnn[0])
		}
		r.send(router, fromBob...)
		r.send(router, fromAnn...)
		r.want(ann, "Ann")
		r.want(bob, "Bob")
	})
}

func TestDealersTalkBothWays(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.dealer(bind)
		r.talkBothWays(a, r.dealer(at(a)))
	})
}

func TestPairsTalkBothWays(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.pair(bind)
		r.talkBothWays(a, r.pair(at(a)))
	})
}

// peer is a socket that sends and receives.
type peer interface {
	sender
	receiver
}

func (r *rig) talkBothWays(a, b peer) {
	r.Helper()
	for i := range 50 {
		r.send(b, fmt.Sprint("there ", i))
		r.want(a, fmt.Sprint("there ", i))
		r.send(a, fmt.Sprint("back ", i))
		r.want(b, fmt.Sprint("back ", i))
	}
}

func TestWhatIsPushedIsPulledOnce(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		const n = 300
		pull := r.pull(bind)
		for p := range 3 {
			push := r.push(at(pull))
			for i := range n / 3 {
				r.send(push, fmt.Sprint(p*n/3+i))
			}
		}
		seen := map[string]bool{}
		for range n {
			seen[r.recv(pull)[0]] = true
		}
		if len(seen) != n {
			t.Errorf("%d different messages, want %d", len(seen), n)
		}
	})
}

func TestPushSharesOutItsMessages(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		const n = 50
		first, second := r.pull(bind), r.pull(elsewhere(bind))
		push := r.push(at(first) + "," + at(second))
		for range 2 * n {
			r.send(push, "work")
		}
		for range n {
			r.want(first, "work")
			r.want(second, "work")
		}
	})
}

func TestForwarderPassesOnSubscriptionsAndMessages(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		p := r.publisher(bind)
		behind := r.xsub(at(p))
		front := r.xpub(elsewhere(bind))
		r.forward(front, behind)
		r.forward(behind, front)
		s := r.subscriber(at(front))
		r.ok(s.Subscribe([]byte("a")))
		r.ok(p.WaitForSubscribers(r.ctx, 1, []byte("a")))
		r.send(p, "b")
		r.send(p, "a", "passed on")
		r.want(s, "a", "passed on")
	})
}

// forward sends what is received on one socket to another until one closes.
func (r *rig) forward(from receiver, to sender) {
	r.spawned.Go(func() {
		for {
			m, err := from.Recv(r.ctx)
			if err != nil {
				return
			}
			if err := to.Send(r.ctx, m); err != nil {
				return
			}
		}
	})
}

func TestFramesStayTogether(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.dealer(bind)
		b := r.dealer(at(a))
		for n := 1; n <= comm.DefaultMaxFrames; n += 93 {
			frames := make([]string, n)
			for i := range frames {
				frames[i] = fmt.Sprint(n, i)[:i%3] // empty ones too
			}
			r.send(b, frames...)
			r.want(a, frames...)
		}
	})
}

func TestBatchesAreSentAndReceivedInOrder(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		const n = 5000 // more than both queues hold
		a := r.dealer(bind)
		b := r.dealer(at(a))
		r.spawned.Go(func() {
			var batch []comm.Message
			for i := range n {
				batch = append(batch, message(fmt.Sprint(i), "second"))
			}
			if sent, err := b.SendBatch(r.ctx, batch); sent != n || err != nil {
				t.Errorf("SendBatch: %d, %v", sent, err)
			}
		})
		batch := make([]comm.Message, 64)
		for i := 0; i < n; {
			taken, err := a.RecvBatch(r.ctx, batch)
			r.ok(err)
			for _, m := range batch[:taken] {
				if got := texts(m.Frames); !slices.Equal(got, []string{fmt.Sprint(i), "second"}) {
					t.Fatalf("received %q as number %d", got, i)
				}
				i++
			}
		}
	})
}

func TestEmptyBatchesDoNothing(t *testing.T) {
	r := newRig(t)
	d := r.dealer("@inproc://here")
	if sent, err := d.SendBatch(r.ctx, nil); sent != 0 || err != nil {
		t.Errorf("SendBatch: %d, %v", sent, err)
	}
	if taken, err := d.RecvBatch(r.ctx, nil); taken != 0 || err != nil {
		t.Errorf("RecvBatch: %d, %v", taken, err)
	}
}

func TestSocketHasEndpointsOfAllTransportsAtOnce(t *testing.T) {
	r := newRig(t)
	router := r.router("tcp://127.0.0.1:*, @ipc://*, inproc://here")
	if n := len(router.Endpoints()); n != 3 {
		t.Fatalf("bound to %d endpoints", n)
	}
	for _, endpoint := range router.Endpoints() {
		d := r.dealer(endpoint)
		r.send(d, "by", endpoint)
		got := r.recv(router)
		r.send(router, got...)
		r.want(d, "by", endpoint)
	}
}

func TestMessagesOfOneGoroutineStayInOrder(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		const senders, n = 8, 500
		a := r.dealer(bind, comm.WithHighWaterMark(8))
		b := r.dealer(at(a), comm.WithHighWaterMark(8))
		for g := range senders {
			r.spawned.Go(func() {
				for i := range n {
					if err := b.Send(r.ctx, message(fmt.Sprint(g), fmt.Sprint(i))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		next := map[string]int{}
		for range senders * n {
			got := r.recv(a)
			if want := fmt.Sprint(next[got[0]]); got[1] != want {
				t.Fatalf("sender %s: received number %s, want %s", got[0], got[1], want)
			}
			next[got[0]]++
		}
	})
}

func TestFilesOfIPCEndpointsAreTheUsersOwn(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	r := newRig(t)
	for mode, options := range map[os.FileMode][]comm.Option{0o600: nil, 0o660: {comm.WithIPCMode(0o660)}} {
		path := filepath.Join(t.TempDir(), "socket")
		pull := r.pull("ipc://"+path, options...)
		info, err := os.Stat(path)
		if r.ok(err); info.Mode().Perm() != mode {
			t.Errorf("mode %v, want %v", info.Mode().Perm(), mode)
		}
		r.send(r.push("ipc://"+path), "x")
		r.want(pull, "x")
	}
	_, err := comm.NewPull(r.zctx, "", comm.WithIPCMode(0o444))
	r.wantError(err, comm.Invalid)
}

func TestBindsThatAreNotAllowedSaySo(t *testing.T) {
	r := newRig(t)
	endpoints := []string{"ipc:///sys/mittere"} // where root may not either
	if os.Getuid() != 0 {
		endpoints = append(endpoints, "ipc:///mittere")
	}
	for _, endpoint := range endpoints {
		if err := r.router("").Bind(endpoint); !errors.Is(err, comm.PermissionDenied) {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}
