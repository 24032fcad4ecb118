package comm_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm"
)

// onTransportsWithConnections runs a test where connections are that can end.
func onTransportsWithConnections(t *testing.T, test func(r *rig, bind string)) {
	onEachTransport(t, func(r *rig, bind string) {
		if !strings.Contains(bind, "inproc") {
			test(r, bind)
		}
	})
}

// disconnects waits until more connections have ended than were seen, and checks
// how many that are.
func (r *rig) disconnects(s interface {
	WaitDisconnect(context.Context, uint64) (uint64, error)
}, seen, want uint64,
) {
	r.Helper()
	got, err := s.WaitDisconnect(r.ctx, seen)
	r.ok(err)
	if got != want {
		r.Fatalf("%d connections have ended, want %d", got, want)
	}
}

// greeted returns a dealer that a router has heard.
func (r *rig) greeted(router *comm.Router) *comm.Dealer {
	r.Helper()
	dealer := r.dealer(at(router))
	r.send(dealer, "hello")
	r.recv(router)
	return dealer
}

func TestPeersThatCloseAreNoticed(t *testing.T) {
	onTransportsWithConnections(t, func(r *rig, bind string) {
		router := r.router(bind)
		for seen := range uint64(5) {
			dealer := r.greeted(router)
			r.ok(dealer.Close())
			r.disconnects(router, seen, seen+1)
		}
		if s := router.Stats(); s.Disconnects != 5 || s.Connections != 0 {
			t.Errorf("stats: %+v", s)
		}
	})
}

func TestServersThatCloseAreNoticed(t *testing.T) {
	onTransportsWithConnections(t, func(r *rig, bind string) {
		router := r.router(bind)
		dealer := r.greeted(router)
		r.ok(router.Close())
		r.disconnects(dealer, 0, 1)
	})
}

func TestEndsThatWereNotSeenAreToldAtOnce(t *testing.T) {
	onTransportsWithConnections(t, func(r *rig, bind string) {
		router := r.router(bind)
		dealers := []*comm.Dealer{r.greeted(router), r.greeted(router), r.greeted(router)}
		for _, dealer := range dealers {
			r.ok(dealer.Close())
		}
		r.disconnects(router, 2, 3)
		for seen := range uint64(3) {
			r.disconnects(router, seen, 3)
		}
		over, cancel := context.WithCancel(r.ctx)
		cancel()
		if got, err := router.WaitDisconnect(over, 0); got != 3 || err != nil {
			t.Errorf("after the end of the context: %d and %v, want 3", got, err)
		}
	})
}

func TestConnectionsThatAreKilledAreNoticed(t *testing.T) {
	for name, reset := range map[string]bool{"reset": true, "closed": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			router := r.router("@tcp://127.0.0.1:*")
			for seen := range uint64(3) {
				c := r.dialReady(router, "DEALER")
				r.hangUp(c, []byte("\x00\x05hello"), reset)
				r.disconnects(router, seen, seen+1)
			}
		})
	}
}

func TestConnectionsKilledBetweenTwoSocketsAreNoticedByBoth(t *testing.T) {
	r := newRig(t)
	router := r.router("@tcp://127.0.0.1:*")
	between, err := net.Listen("tcp", "127.0.0.1:0")
	listener := must(t, between, err)
	defer listener.Close()
	dealer := r.dealer("tcp://" + listener.Addr().String())
	near, err := listener.Accept()
	front := must(t, near, err)
	far, err := net.Dial("tcp", strings.TrimPrefix(at(router), "tcp://"))
	behind := must(t, far, err)
	var copying sync.WaitGroup
	copying.Go(func() { _, _ = io.Copy(behind, front) })
	copying.Go(func() { _, _ = io.Copy(front, behind) })
	r.send(dealer, "hello")
	r.recv(router)
	for _, c := range []net.Conn{front, behind} {
		r.ok(c.(*net.TCPConn).SetLinger(0))
		r.ok(c.Close())
	}
	r.disconnects(router, 0, 1)
	r.disconnects(dealer, 0, 1)
	copying.Wait()
}

func TestConnectionsEndedFromThisSideCount(t *testing.T) {
	onTransportsWithConnections(t, func(r *rig, bind string) {
		router := r.router(bind)
		dealer := r.greeted(router)
		r.ok(dealer.Disconnect(at(router)))
		r.disconnects(dealer, 0, 1)
		r.disconnects(router, 0, 1)
	})
}

func TestHandshakesThatFailAreNoEnd(t *testing.T) {
	r := newRig(t)
	router := r.router("@tcp://127.0.0.1:*")
	r.hangUp(r.dial(router), garbage["text"], false)
	r.eventually("the handshake failed", func() bool { return router.Stats().BadHandshakes == 1 })
	dealer := r.greeted(router)
	r.ok(dealer.Close())
	r.disconnects(router, 0, 1)
}

// waiters calls WaitDisconnect on several goroutines that have seen one after the
// other, and returns their errors when all have returned.
func (r *rig) waiters(s *comm.Router, ctx context.Context, seen ...uint64) func() []error {
	errs := make([]error, len(seen))
	var running sync.WaitGroup
	for i, n := range seen {
		running.Go(func() {
			got, err := s.WaitDisconnect(ctx, n)
			if err == nil && got <= n {
				err = errors.New("nothing ended")
			}
			errs[i] = err
		})
	}
	return func() []error {
		running.Wait()
		return errs
	}
}

func TestAllWhoWaitForAnEndAreTold(t *testing.T) {
	onTransportsWithConnections(t, func(r *rig, bind string) {
		router := r.router(bind)
		first, second := r.greeted(router), r.greeted(router)
		wait := r.waiters(router, r.ctx, 0, 0, 0, 1, 1, 1)
		r.ok(first.Close())
		r.disconnects(router, 0, 1)
		r.ok(second.Close())
		for _, err := range wait() {
			r.ok(err)
		}
	})
}

func TestWaitingForAnEndEndsWithTheContext(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		router := r.router(bind)
		r.greeted(router)
		ctx, cancel := context.WithCancel(r.ctx)
		wait := r.waiters(router, ctx, 0, 1, 2)
		cancel()
		for _, err := range wait() {
			r.wantError(err, context.Canceled)
		}
		if got, err := router.WaitDisconnect(ctx, 7); got != 7 || !errors.Is(err, context.Canceled) {
			t.Errorf("got %d and %v, want what was seen before", got, err)
		}
	})
}

func TestClosingWakesWhoWaitsForAnEnd(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		router := r.router(bind)
		r.greeted(router)
		wait := r.waiters(router, r.ctx, 5, 5, 5)
		r.ok(router.Close())
		for _, err := range wait() {
			r.wantClosed(err)
		}
		_, err := router.WaitDisconnect(r.ctx, 5)
		r.wantClosed(err)
	})
}

func TestStressOfPeersThatComeAndGoTellsEveryEnd(t *testing.T) {
	r := newRig(t)
	router := r.router("@tcp://127.0.0.1:*")
	const peers, rounds = 4, 25
	var coming sync.WaitGroup
	for range peers {
		coming.Go(func() {
			for range rounds {
				dealer, err := comm.NewDealer(r.zctx, at(router))
				if err == nil {
					err = errors.Join(dealer.Send(r.ctx, message("hello")), dealer.Close())
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for seen := uint64(0); seen < peers*rounds; {
		now, err := router.WaitDisconnect(r.ctx, seen)
		r.ok(err)
		if now <= seen {
			t.Fatalf("told of %d ends after %d", now, seen)
		}
		seen = now
	}
	coming.Wait()
}
