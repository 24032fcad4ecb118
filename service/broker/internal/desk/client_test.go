package desk_test

import (
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

func oneWay(r *desk.Request) { r.OneWay = true }

// asking has a request go to a service.
func asking(name string) func(*desk.Request) { return func(r *desk.Request) { r.Service = name } }

// askOf has a client ask.
func (s *stage) askOf(client string, call uint64, change ...func(*desk.Request)) []desk.Action {
	r := &desk.Request{Call: call, Service: "echo"}
	for _, c := range change {
		c(r)
	}
	return s.d.Request(s.now, peer(client), r)
}

func TestOneWayRequestForAStreamIsRefused(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1")
	s.want(s.ask(1, oneWay, func(r *desk.Request) { r.Credit = 1 }))
	if c := s.d.Counters(); c.Refused != 1 || c.Delivered != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestRequestsOfOnePeerAreBounded(t *testing.T) {
	s := newStage(t, desk.Limits{Peer: 2})
	s.want(s.askOf("c", 1, harmful))
	s.want(s.askOf("c", 2, oneWay))
	s.want(s.askOf("c", 3), "reply 3 to c: RESOURCE_EXHAUSTED, refused")
	s.want(s.askOf("other", 1))
	s.want(s.d.Gone(s.now, peer("c"))) // what is one-way stays, and counts
	s.want(s.askOf("c", 4))
	s.want(s.askOf("c", 5), "reply 5 to c: RESOURCE_EXHAUSTED, refused")
	s.want(s.d.Cancel(s.now, peer("c"), 4))
	s.want(s.askOf("c", 6))
}

func TestRepetitionsCountAsTheirPeers(t *testing.T) {
	s := newStage(t, desk.Limits{Peer: 2})
	again := func(r *desk.Request) { r.Key, r.Repeat = desk.Key{Client: "c", Number: 1}, desk.RepeatSafe }
	s.want(s.askOf("c", 1, again))
	s.want(s.askOf("c", 2, again))
	s.want(s.askOf("c", 3, again), "reply 3 to c: RESOURCE_EXHAUSTED, refused")
}

// One-way requests outlive their senders, which may come back as others.
func TestOneWayRequestsLeaveRoomForOthers(t *testing.T) {
	s := newStage(t, desk.Limits{Requests: 4})
	for call := range uint64(5) {
		client := string(rune('a' + call))
		s.want(s.askOf(client, 1, oneWay))
		s.want(s.d.Gone(s.now, peer(client)))
	}
	if l, c := s.d.Load(), s.d.Counters(); l.Calls != 2 || c.Refused != 3 {
		t.Errorf("got %+v and %+v", l, c)
	}
	s.want(s.askOf("honest", 1))
	s.want(s.askOf("honest", 2))
	s.want(s.askOf("honest", 3), "reply 3 to honest: RESOURCE_EXHAUSTED, refused")
}

func TestOneWayRequestForNobodyExpiresWhateverItsDeadline(t *testing.T) {
	for name, change := range map[string]func(*desk.Request){
		"without a deadline": func(*desk.Request) {},
		"with a late one":    within(time.Hour),
		"with a long wait":   func(r *desk.Request) { r.Wait = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, desk.Limits{})
			s.want(s.askOf("c", 1, oneWay, change))
			s.want(s.pass(30*time.Second - 1))
			if s.d.Load().Calls != 1 {
				t.Error("it expired too soon")
			}
			s.want(s.pass(1))
			if l, c := s.d.Load(), s.d.Counters(); l.Calls != 0 || l.Services != 0 || c.Expired != 1 {
				t.Errorf("got %+v and %+v", l, c)
			}
		})
	}
}

func TestOneWayRequestWaitsForABusyWorkerUntilItsDeadline(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1")
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.ask(2, oneWay, within(time.Minute)))
	s.want(s.pass(time.Minute-1, "w1"))
	s.want(s.reply("w1", 1), "reply 1 to c of w1", "deliver 2 to w1")
	s.want(s.reply("w1", 2))
	s.want(s.ask(3), "deliver 3 to w1")
	s.want(s.ask(4, oneWay, within(time.Minute)))
	s.want(s.ask(5, oneWay, func(r *desk.Request) { r.Wait = 40 * time.Second }))
	s.want(s.pass(40*time.Second, "w1"))
	if s.d.Load().Calls != 2 {
		t.Errorf("got %+v", s.d.Load())
	}
	s.want(s.pass(20*time.Second, "w1"))
	if s.d.Load().Calls != 1 {
		t.Errorf("got %+v", s.d.Load())
	}
}

// TestFullBrokerCanBeAsked fills it, with requests for its own services too.
func TestFullBrokerCanBeAsked(t *testing.T) {
	s := newStage(t, desk.Limits{Requests: 2, Peer: 1000})
	own := offer("own", 1, "mittere.v1.Broker")
	own.Own = true
	s.want(s.d.Ready(s.now, peer("own"), own))
	s.want(s.askOf("a", 1))
	s.want(s.askOf("a", 2))
	s.want(s.askOf("b", 1), "reply 1 to b: RESOURCE_EXHAUSTED, refused")
	s.want(s.askOf("a", 3, asking("mittere.v1.Broker")), "deliver 1 to own")
	for call := range uint64(99) {
		s.want(s.askOf("a", 4+call, asking("mittere.v1.Broker")))
	}
	s.want(s.askOf("a", 200, asking("mittere.v1.Broker")), "reply 200 to a: RESOURCE_EXHAUSTED, refused")
	s.want(s.askOf("a", 201, oneWay, asking("mittere.v1.Broker")))
	s.want(s.askOf("operator", 1, asking("mittere.v1.Broker")))
	s.want(s.d.Gone(s.now, peer("a")))
}

func TestNamesThatNobodyServesLeaveRoomForWorkers(t *testing.T) {
	s := newStage(t, desk.Limits{Services: 4})
	s.want(s.askOf("a", 1, asking("x")))
	s.want(s.askOf("b", 2, asking("y")))
	s.want(s.askOf("c", 3, asking("z")), "reply 3 to c: RESOURCE_EXHAUSTED, refused")
	s.want(s.d.Ready(s.now, peer("w"), offer("w", 1, "echo", "x", "z")), "deliver 1 to w")
	s.want(s.askOf("c", 3, asking("v")), "reply 3 to c: RESOURCE_EXHAUSTED, refused") // 4 in all
	s.want(s.d.Cancel(s.now, peer("b"), 2))
	s.want(s.askOf("c", 3, asking("v")))
	s.want(s.d.Gone(s.now, peer("w")), "reply 1 to a of w: UNAVAILABLE")
	s.want(s.askOf("d", 4, asking("u")))
	s.want(s.askOf("e", 5, asking("t")), "reply 5 to e: RESOURCE_EXHAUSTED, refused")
}

func TestNoPeerTakesAllNamesThatNobodyServes(t *testing.T) {
	s := newStage(t, desk.Limits{Services: 20}) // 10 without a worker, 2 of them of one peer
	s.want(s.askOf("a", 1, asking("u")))
	s.want(s.askOf("a", 2, asking("v")))
	s.want(s.askOf("a", 3, asking("w")), "reply 3 to a: RESOURCE_EXHAUSTED, refused")
	s.want(s.askOf("a", 3, asking("v"))) // which is there
	s.want(s.askOf("b", 1, asking("w")))
	s.want(s.askOf("a", 4, asking("w")))
	s.want(s.d.Ready(s.now, peer("w"), offer("w", 1, "u")), "deliver 1 to w") // which counts as nobody's
	s.want(s.askOf("a", 5, asking("x")))
	s.want(s.askOf("a", 6, asking("y")), "reply 6 to a: RESOURCE_EXHAUSTED, refused")
	s.want(s.d.Cancel(s.now, peer("a"), 5)) // and x with it
	s.want(s.askOf("a", 6, asking("y")))
	s.want(s.d.Gone(s.now, peer("a")))
	s.want(s.askOf("a", 7, asking("s")))
	s.want(s.askOf("a", 8, asking("t")))
}
