package desk_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

func credit(items uint32) func(*desk.Request) {
	return func(r *desk.Request) { r.Credit = items }
}

// wantCredit checks with how much credit a request is given to workers.
func (s *stage) wantCredit(actions []desk.Action, want ...uint32) {
	s.Helper()
	var got []uint32
	for _, a := range actions {
		if a, ok := a.(desk.Deliver); ok {
			got = append(got, a.Credit)
		}
	}
	if !slices.Equal(got, want) {
		s.Fatalf("got %v, want %v", got, want)
	}
}

// What waits for its worker gets what it was given when it is delivered.
func TestCreditOfAWorkerIsItsOwn(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2", "w3")
	s.want(s.ask(1), "deliver 1 to w1")
	s.wantCredit(s.ask(2, named("w1", "w2"), credit(3)), 3) // w2; w1 is busy
	s.want(s.d.Credit(0, peer("c"), 2, "w1", 50))
	s.want(s.d.Credit(0, peer("c"), 2, "w2", 4), "credit 2 to w2: 4")
	s.want(s.d.Credit(0, peer("c"), 2, "", 10), "credit 2 to w2: 10")
	s.want(s.d.Credit(0, peer("c"), 2, "w3", 7)) // which has nothing of it
	s.want(s.d.Credit(0, peer("c"), 2, "nobody", 7))
	s.want(s.d.Credit(0, peer("c"), 2, "w2", 0))
	s.want(s.d.Credit(0, peer("c"), 3, "w2", 7))
	s.want(s.d.Credit(0, peer("x"), 2, "w2", 7))
	s.wantCredit(s.reply("w1", 1), 3+50+10)
	s.want(s.d.Credit(0, peer("c"), 2, "w1", 1), "credit 3 to w1: 1")
	s.want(s.reply("w2", 2), "reply 2 to c of w2, more")
	s.want(s.d.Credit(0, peer("c"), 2, "w2", 1))
	s.want(s.d.Credit(0, peer("c"), 2, "", 1), "credit 3 to w1: 1")
}

func TestCreditGoesOnWithTheRequest(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.d.SetAhead(math.MaxInt32)
	s.wantCredit(s.ask(1, safe, credit(2)))
	s.want(s.d.Credit(0, peer("c"), 1, "", 10))
	s.want(s.d.Credit(0, peer("c"), 1, "w1", 100)) // which does not have it yet
	s.wantCredit(s.d.Ready(0, peer("w1"), offer("w1", 1, "echo")), 12)
	s.ready("w2")
	s.want(s.d.Credit(0, peer("c"), 1, "w1", 5), "credit 1 to w1: 5")
	s.wantCredit(s.d.Gone(0, peer("w1")), 17)
	s.d.Credit(0, peer("c"), 1, "", math.MaxUint32)
	s.ready("w3")
	s.wantCredit(s.d.Gone(0, peer("w2")), math.MaxInt32)
	s.want(s.d.Credit(0, peer("c"), 1, "", 1)) // and no more
}

// TestWorkersGetCreditInParts has two clients: one with two streams, which share what may
// be on its way, and another one.
func TestWorkersGetCreditInParts(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.d.SetAhead(8)
	s.ready("w1", "w2", "w3")
	s.wantCredit(s.ask(1, credit(100)), 8)
	s.wantCredit(s.ask(2, credit(3)), 3)
	item := func(worker string, delivery uint64, more ...string) {
		t.Helper()
		s.want(s.d.Item(0, peer(worker), delivery, desk.Content{}), append([]string{fmt.Sprintf("item %d to c of %s", delivery, worker)}, more...)...)
	}
	for range 5 {
		item("w1", 1) // of 8, half of 4 are to be left
	}
	item("w1", 1, "credit 1 to w1: 2")
	s.want(s.reply("w2", 2), "reply 2 to c of w2")
	item("w1", 1, "credit 1 to w1: 5") // it has the share of both
	s.d.Pause(peer("c"))
	for range 8 {
		item("w1", 1)
	}
	s.wantCredit(s.ask(3, credit(100)), 1)
	s.want(s.d.Credit(0, peer("c"), 1, "", 1))
	item("w3", 3)
	s.want(s.d.Resume(0, peer("c")), "credit 3 to w3: 4", "credit 1 to w1: 4")
	s.want(s.d.Resume(0, peer("c")))
}

// TestWorkerThatHeedsNoCreditGetsNoMoreThanItsClientGave sends far more items than that.
func TestWorkerThatHeedsNoCreditGetsNoMoreThanItsClientGave(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.d.SetAhead(4)
	s.ready("w1")
	given := uint32(4)
	s.wantCredit(s.ask(1, credit(10)), given)
	for range 100 {
		for _, a := range s.d.Item(0, peer("w1"), 1, desk.Content{}) {
			if c, ok := a.(desk.CreditDelivery); ok {
				given += c.Items
			}
		}
	}
	if given != 10 {
		t.Errorf("it got credit for %d, want 10", given)
	}
}
