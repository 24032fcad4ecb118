package broker_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// flood sends one-way requests until the broker has read them all.
func (r *running) flood(t *testing.T, p *peer, requests int, make func(n int) *mitterev1.Request) {
	t.Helper()
	before := r.Stats().Counters.Requests
	session := p.hello(mitterev1.Role_ROLE_CLIENT).GetSession()
	for n := range requests {
		k := make(n)
		k.Session, k.OneWay, k.TimeoutNano = session, true, int64(23*time.Hour)
		p.command(k, body(t))
	}
	eventually(t, "all has come", func() bool { return r.Stats().Counters.Requests >= before+uint64(requests) })
}

// wantServed checks that a worker of a new name serves a client, and that the broker tells
// of itself.
func (r *running) wantServed(t *testing.T) {
	t.Helper()
	r.register(t, "other", "worker")[0].Close()
	client := r.dial(t)
	defer client.Close()
	worker := r.dial(t)
	defer worker.Close()
	worker.ready("another")
	eventually(t, "the worker is registered", func() bool {
		return slices.ContainsFunc(r.workers(), func(w desk.WorkerView) bool { return slices.Contains(w.Offer.Services, "another") })
	})
	client.say("", "MDPC01", "another", "x")
	if m := worker.want(); len(m) != 6 || m[5] != "x" {
		t.Errorf("the worker got %q", m)
	}
	must(r.manage(t).Status(patient(t), &mitterev1.BrokerServiceStatusRequest{}))(t)
}

func TestOneWayRequestsForNobodyLeaveRoomForAllOthers(t *testing.T) {
	for name, of := range map[string]func(n int) string{
		"of one name":    func(int) string { return "nobody" },
		"of many names":  func(n int) string { return fmt.Sprint("nobody", n) },
		"for the broker": func(int) string { return "mittere.v1.Broker" },
	} {
		t.Run(name, func(t *testing.T) {
			b := calm(t)
			for range 2 { // who comes again is another peer
				p := b.dial(t)
				b.flood(t, p, 12_000, func(n int) *mitterev1.Request { return &mitterev1.Request{Call: uint64(n + 1), Service: of(n)} })
				ok(t, p.Close())
			}
			b.wantServed(t)
			if c := b.Stats().Counters; c.Refused == 0 && name != "for the broker" {
				t.Errorf("none was refused: %+v", c)
			}
		})
	}
}

func TestOneWayRequestsForNobodyExpireThoughTheirDeadlineIsLate(t *testing.T) {
	b := calm(t, broker.WithLimits(desk.Limits{Expiry: 50 * time.Millisecond}))
	p := b.dial(t)
	defer p.Close()
	b.flood(t, p, 100, func(n int) *mitterev1.Request { return &mitterev1.Request{Call: uint64(n + 1), Service: "nobody"} })
	eventually(t, "they expire", func() bool { return b.Stats().Counters.Expired == 100 })
}

// A one-way request with credit is for a stream that nobody reads: its worker would wait for
// further credit for ever.
func TestOneWayRequestsForAStreamReachNoWorker(t *testing.T) {
	b := calm(t)
	w := b.dial(t)
	defer w.Close()
	session := w.hello(mitterev1.Role_ROLE_WORKER).GetSession()
	w.command(&mitterev1.Ready{Session: session, Instance: "w", Services: []string{"echo"}, Capacity: 1000}, nil)
	eventually(t, "the worker is registered", func() bool { return len(b.workers()) == 1 })
	p := b.dial(t)
	for _, credit := range []uint32{1, 1<<32 - 1} {
		b.flood(t, p, 100, func(n int) *mitterev1.Request {
			return &mitterev1.Request{Call: uint64(n + 1), Service: "echo", Credit: credit}
		})
	}
	ok(t, p.Close())
	if s := b.Stats(); s.Counters.Delivered != 0 || s.Counters.Refused != 200 || s.Load.Calls != 0 {
		t.Errorf("got %+v", s)
	}
}
