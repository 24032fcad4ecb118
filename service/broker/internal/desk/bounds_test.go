package desk_test

import (
	"fmt"
	"testing"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// TestRequestsOfManyLostWorkersGoBackInTheirOrder loses workers with very many requests, the
// one with the older ones first. What is put back later belongs behind all of those: where
// each looked for its place from the front, that took some seconds.
func TestRequestsOfManyLostWorkersGoBackInTheirOrder(t *testing.T) {
	const each = 30_000
	s := newStage(t, desk.Limits{Peer: 2 * each, Queue: 2 * each})
	for n, name := range []string{"w1", "w2"} {
		o := offer(name, each, "echo")
		s.want(s.d.Ready(0, peer(name), o))
		for i := range each {
			s.ask(uint64(n*each+i+1), safe)
		}
	}
	for _, name := range []string{"w1", "w2"} {
		s.want(s.d.Gone(0, peer(name)))
	}
	s.want(s.d.Drain(0, peer("nobody")))
	actions := s.d.Ready(0, peer("w3"), offer("w3", 2*each, "echo"))
	for i, a := range actions {
		if d, is := a.(desk.Deliver); !is || d.Request.Call != uint64(i+1) {
			t.Fatalf("action %d is %+v, want the request %d", i, a, i+1)
		}
	}
	if len(actions) != 2*each {
		t.Errorf("%d actions, want %d", len(actions), 2*each)
	}
}

// TestCreditFindsItsWorkerAmongMany has a client give each of its workers credit.
func TestCreditFindsItsWorkerAmongMany(t *testing.T) {
	const workers = 5000
	s := newStage(t, desk.Limits{})
	for n := range workers {
		name := fmt.Sprintf("w%04d", n)
		s.want(s.d.Ready(0, peer(name), offer(name, 1, "echo")))
	}
	s.ask(1, func(r *desk.Request) { r.Target, r.Credit = desk.Target{Kind: desk.All}, 1 })
	for n := range workers {
		s.want(s.d.Credit(0, peer("c"), 1, fmt.Sprintf("w%04d", n), 1))
	}
	s.want(s.d.Credit(0, peer("c"), 1, "nobody", 1))
}

func TestTargetOfMoreNamesThanThereMayBeWorkersIsRefused(t *testing.T) {
	s := newStage(t, desk.Limits{Workers: 2})
	s.want(s.ask(1, func(r *desk.Request) { r.Target = desk.Target{Kind: desk.Named, Names: []string{"a", "b", "c"}} }), "reply 1 to c: INVALID_ARGUMENT, refused")
}
