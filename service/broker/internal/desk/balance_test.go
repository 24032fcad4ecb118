package desk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

func TestRequestsGoToTheLeastBusyThenTheLeastRecentlyUsed(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.d.Ready(0, peer("big"), offer("big", 4, "echo"))
	s.d.Ready(0, peer("small"), offer("small", 2, "echo"))
	// The loads before each: 0/4 0/2, 1/4 0/2, 1/4 1/2, 2/4 1/2 of which small was
	// used longer ago, 2/4 2/2, 3/4 2/2.
	want := []string{"big", "small", "big", "small", "big", "big"}
	for i, name := range want {
		s.want(s.ask(uint64(i+1)), fmt.Sprintf("deliver %d to %s", i+1, name))
	}
	s.want(s.ask(7)) // waits
}

func TestLoadCountsMoreThanRecentUse(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.d.Ready(0, peer("big"), offer("big", 4, "echo"))
	s.d.Ready(0, peer("small"), offer("small", 2, "echo"))
	s.want(s.ask(1), "deliver 1 to big")
	s.want(s.ask(2), "deliver 2 to small")
	s.want(s.reply("big", 1), "reply 1 to c of big")
	s.want(s.ask(3), "deliver 3 to big") // 0/4 and 1/2
	s.want(s.ask(4), "deliver 4 to big") // 1/4 and 1/2, though small was used longer ago
	s.want(s.ask(5), "deliver 5 to small")
}

func TestServiceThatIsOfferedNoMoreIsForgottenWithItsLastRequest(t *testing.T) {
	s := newStage(t, desk.Limits{})
	o := offer("w1", 1, "echo")
	o.Session = 7
	s.want(s.d.Ready(0, peer("w1"), o))
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.d.Cancel(0, peer("c"), 1))
	o.Services = []string{"other"}
	s.want(s.d.Ready(0, peer("w1"), o))
	if v, _ := s.d.Service("echo"); v.InFlight != 1 || v.Workers != 0 {
		t.Fatalf("got %+v", v)
	}
	s.want(s.reply("w1", 1))
	if _, ok := s.d.Service("echo"); ok {
		t.Fatal("not forgotten")
	}
}

func TestIdleWorkersTakeTurns(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2", "w3")
	for call := uint64(1); call <= 6; call++ {
		w := fmt.Sprintf("w%d", (call-1)%3+1)
		s.want(s.ask(call), fmt.Sprintf("deliver %d to %s", call, w))
		s.want(s.reply(w, call), fmt.Sprintf("reply %d to c of %s", call, w))
	}
}

func TestQueueIsServedInOrderByTheWorkerThatBecomesFree(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.want(s.ask(1))
	s.want(s.ask(2))
	s.want(s.ask(3))
	s.want(s.d.Ready(0, peer("w1"), offer("w1", 2, "echo")), "deliver 1 to w1", "deliver 2 to w1")
	s.want(s.reply("w1", 2), "reply 2 to c of w1", "deliver 3 to w1")
	if v, _ := s.d.Service("echo"); v != (desk.ServiceView{Name: "echo", Workers: 1, InFlight: 2}) {
		t.Fatalf("got %+v", v)
	}
}

func TestWorkerOfManyServicesTakesTheOldestRequest(t *testing.T) {
	s := newStage(t, desk.Limits{})
	in := func(name string) func(*desk.Request) { return func(r *desk.Request) { r.Service = name } }
	s.ask(1, in("b"))
	s.ask(2, in("a"))
	s.ask(3, in("b"))
	s.want(s.d.Ready(0, peer("w"), offer("w", 1, "a", "b", "a")), "deliver 1 to w")
	s.want(s.reply("w", 1), "reply 1 to c of w", "deliver 2 to w")
	s.want(s.reply("w", 2), "reply 2 to c of w", "deliver 3 to w")
}

func TestDrainLetsAWorkerFinishAndGivesItNothing(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1")
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.ask(2, named("w1")), "accepted 2 to c: [w1], not []")
	s.want(s.d.Drain(0, peer("w1")), "reply 2 to c of w1: UNAVAILABLE, refused")
	s.want(s.ask(3))
	s.want(s.ask(4, named("w1")), "reply 4 to c: NOT_FOUND, refused")
	s.want(s.reply("w1", 1), "reply 1 to c of w1")
	if v, _ := s.d.Worker("w1"); v.State != desk.Draining || v.State.String() != "draining" {
		t.Fatalf("got %v", v.State)
	}
	s.want(s.d.Ready(0, peer("w1"), offer("w1", 1, "echo")), "deliver 2 to w1")
}

func TestOfferOfTheSameSessionKeepsWhatIsInFlight(t *testing.T) {
	s := newStage(t, desk.Limits{})
	o := offer("w1", 1, "echo")
	o.Session = 7
	s.want(s.d.Ready(0, peer("w1"), o))
	s.want(s.ask(1), "deliver 1 to w1")
	o.Capacity, o.Services = 2, []string{"other"}
	s.want(s.d.Ready(0, peer("w1"), o))
	s.want(s.ask(2))
	s.want(s.reply("w1", 1), "reply 1 to c of w1")
	if v, ok := s.d.Service("other"); !ok || v.Workers != 1 {
		t.Fatalf("got %+v", v)
	}
}

func TestLimitsAreAnsweredAtOnce(t *testing.T) {
	for _, test := range []struct {
		name   string
		limits desk.Limits
	}{
		{"queue", desk.Limits{Queue: 2}},
		{"requests", desk.Limits{Requests: 2}},
		{"bytes", desk.Limits{Bytes: 2 * 1100}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t, test.limits)
			s.want(s.ask(1))
			s.want(s.ask(2))
			s.want(s.ask(3), "reply 3 to c: RESOURCE_EXHAUSTED, refused")
			s.want(s.d.Cancel(s.now, peer("c"), 1))
			s.want(s.ask(4))
		})
	}
	s := newStage(t, desk.Limits{Services: 1, Workers: 1, Offered: 1})
	s.want(s.d.Ready(0, peer("w"), offer("w", 1, "a", "b")), "disconnect to w: RESOURCE_EXHAUSTED")
	s.ready("w1")
	s.want(s.ask(1, func(r *desk.Request) { r.Service = "a" }), "reply 1 to c: RESOURCE_EXHAUSTED, refused")
	s.want(s.d.Ready(0, peer("w2"), offer("w2", 1, "echo")), "disconnect to w2: RESOURCE_EXHAUSTED")
	s.want(s.d.Ready(0, peer("w1"), offer("w1", 1, "a")), "disconnect to w1: RESOURCE_EXHAUSTED")
}

func TestNewReportsAllThatIsWrong(t *testing.T) {
	_, err := desk.New("a-b", desk.Limits{Queue: -1, Longest: 1 << 62})
	if err == nil || len(err.(interface{ Unwrap() []error }).Unwrap()) != 2 {
		t.Fatalf("got %v", err)
	}
}

// TestTenThousandRequestsWaitForAWorker shows that a queue without workers is bounded, and on time.
func TestTenThousandRequestsWaitForAWorker(t *testing.T) {
	s := newStage(t, desk.Limits{Expiry: 30 * time.Second})
	const n = 10_000
	for call := uint64(1); call <= n; call++ {
		if call == n/2+1 {
			s.now = 10 * time.Second
		}
		s.want(s.ask(call))
	}
	s.want(s.ask(n+1), fmt.Sprintf("reply %d to c: RESOURCE_EXHAUSTED, refused", n+1))
	if at, _ := s.d.Next(); at != 30*time.Second {
		t.Fatalf("next at %v", at)
	}
	s.now = 30*time.Second - 1
	s.want(s.d.Tick(s.now))
	s.now++
	ended := s.d.Tick(s.now)
	if len(ended) != n/2 || s.d.Counters().Expired != n/2 {
		t.Fatalf("%d ended", len(ended))
	}
	for i, a := range ended[:3] {
		if text := reply(a.(desk.Reply)); i == 0 && text[len(text)-len("DEADLINE_EXCEEDED, refused"):] != "DEADLINE_EXCEEDED, refused" {
			t.Fatalf("got %q", text)
		}
	}
	s.serveInOrder(n/2+1, n)
	if l := s.d.Load(); l.Bytes != 0 || l.Calls != 0 || l.InFlight != 0 {
		t.Fatalf("left: %+v", l)
	}
}

// serveInOrder has three workers come, which must get the calls in order.
func (s *stage) serveInOrder(first, last uint64) {
	s.Helper()
	next := first
	var given []desk.Deliver
	note := func(actions []desk.Action) {
		for _, a := range actions {
			if a, ok := a.(desk.Deliver); ok {
				if a.Request.Call != next {
					s.Fatalf("got call %d, want %d", a.Request.Call, next)
				}
				next++
				given = append(given, a)
			}
		}
	}
	for _, name := range []string{"w1", "w2", "w3"} {
		note(s.d.Ready(s.now, peer(name), offer(name, 10, "echo")))
	}
	for len(given) > 0 {
		a := given[0]
		given = given[1:]
		note(s.reply(a.To.ID, a.Delivery))
	}
	if next != last+1 {
		s.Fatalf("%d are left", last+1-next)
	}
}
