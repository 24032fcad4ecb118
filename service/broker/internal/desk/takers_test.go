package desk_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// takes is an offer of someone who takes these types.
func takes(name, service string, types ...string) desk.Offer {
	o := offer(name, 1, service)
	o.Types = types
	return o
}

func (s *stage) takers(name string, want ...string) {
	s.Helper()
	if got := s.d.Takers(name); !slices.Equal(got, want) {
		s.Errorf("%s is taken by %q, want %q", name, got, want)
	}
}

func TestTakersAreTheServicesOfWorkersThatSaySo(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.takers("a.B")
	s.want(s.d.Ready(s.now, peer("v"), takes("v", "sum", "a.B", "a.C", "a.B")))
	s.want(s.d.Ready(s.now, peer("w"), takes("w", "echo", "a.B")))
	s.want(s.d.Ready(s.now, peer("x"), takes("x", "echo", "a.B")))
	s.takers("a.B", "echo", "sum")
	s.takers("a.C", "sum")
	s.takers("a")
	s.want(s.d.Gone(s.now, peer("w")))
	s.takers("a.B", "echo", "sum")
	s.want(s.d.Ready(s.now, peer("x"), takes("x", "other", "a.C")))
	s.takers("a.B", "sum")
	s.takers("a.C", "other", "sum")
	s.pass(time.Minute)
	s.takers("a.C")
	if !s.d.Empty() {
		t.Error("types are kept")
	}
}

func TestNamesOfTypesAndMethodsAreBounded(t *testing.T) {
	many := func(n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprintf("a.T%d", i))
		}
		return names
	}
	for name, change := range map[string]func(*desk.Offer){
		"many types":      func(o *desk.Offer) { o.Types = many(3000) },
		"many methods":    func(o *desk.Offer) { o.Repeatable = many(3000) },
		"a long type":     func(o *desk.Offer) { o.Types = []string{strings.Repeat("x", 40_000)} },
		"many of many":    func(o *desk.Offer) { o.Types = many(1000); o.Services = []string{"a", "b", "c"} },
		"the same thrice": func(o *desk.Offer) { o.Types = slices.Repeat(many(1), 3000) },
	} {
		s := newStage(t, desk.Limits{})
		o := offer("w", 1, "echo")
		change(&o)
		s.want(s.d.Ready(s.now, peer("w"), o), "disconnect to w: INVALID_ARGUMENT")
		if !s.d.Empty() {
			t.Errorf("%s: something is kept", name)
		}
	}
	s := newStage(t, desk.Limits{})
	o := offer("w", 1, "echo")
	o.Types = many(1000)
	s.want(s.d.Ready(s.now, peer("w"), o))
}

func TestReservedServicesAreTheBrokersOwn(t *testing.T) {
	s := newStage(t, desk.Limits{})
	ask := func(call uint64) []desk.Action {
		return s.ask(call, func(r *desk.Request) { r.Service = "mittere.v1.Broker" })
	}
	s.want(ask(1), "reply 1 to c: UNIMPLEMENTED, refused")
	s.want(s.d.Ready(s.now, peer("w"), offer("w", 1, "mittere.v1.Broker")), "disconnect to w: PERMISSION_DENIED")
	o := offer("own", 1, "mittere.v1.Broker", "mmi.more")
	o.Own = true
	s.want(s.d.Ready(s.now, peer("own"), o))
	s.want(ask(2), "deliver 1 to own")
	s.want(ask(3)) // which waits
	s.want(s.d.Gone(s.now, peer("own")), "reply 2 to c of own: UNAVAILABLE")
	s.want(ask(4), "reply 4 to c: UNIMPLEMENTED, refused")
	s.want(s.d.Ready(s.now, peer("own"), o), "deliver 2 to own")
}

func TestRequestsForTheBrokersOwnWorkerWaitUntilItHasCome(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.d.Expect("mittere.v1.Broker")
	ask := func(call uint64, service string) []desk.Action {
		return s.ask(call, func(r *desk.Request) { r.Service = service })
	}
	s.want(ask(1, "mittere.v1.Broker")) // which waits
	s.want(ask(2, "mittere.v1.Other"), "reply 2 to c: UNIMPLEMENTED, refused")
	o := offer("own", 1, "mittere.v1.Broker")
	o.Own = true
	s.want(s.d.Ready(s.now, peer("own"), o), "deliver 1 to own")
	s.want(s.d.Gone(s.now, peer("own")), "reply 1 to c of own: UNAVAILABLE")
	s.want(ask(3, "mittere.v1.Broker"), "reply 3 to c: UNIMPLEMENTED, refused")
}

func TestNobodyTakesTheNameOfTheBrokersOwnWorker(t *testing.T) {
	s := newStage(t, desk.Limits{})
	o := offer("w", 1, "mittere.v1.Broker")
	o.Own = true
	s.want(s.d.Ready(s.now, peer("own"), o))
	s.want(s.d.Ready(s.now, peer("thief"), offer("w", 1, "echo")), "disconnect to thief: PERMISSION_DENIED")
	s.want(s.d.Ready(s.now, peer("own again"), o), "disconnect to own: ALREADY_EXISTS")
}

func TestMethodsThatAWorkerListsAreRepeated(t *testing.T) {
	for method, want := range map[string]string{
		"a.S/Get":  "deliver 2 to v",
		"a.S/List": "deliver 2 to v",
		"a.S/Add":  "reply 1 to c of w: UNAVAILABLE",
		"":         "reply 1 to c of w: UNAVAILABLE",
	} {
		s := newStage(t, desk.Limits{})
		for _, name := range []string{"w", "v"} {
			o := offer(name, 1, "echo")
			o.Repeatable = []string{"a.S/List", "", "a.S/Get"}
			s.want(s.d.Ready(s.now, peer(name), o))
		}
		s.want(s.ask(1, func(r *desk.Request) { r.Method = method }), "deliver 1 to w")
		s.want(s.d.Gone(s.now, peer("w")), want)
	}
}

func TestWhatTheClientSaysOfAMethodComesFirst(t *testing.T) {
	s := newStage(t, desk.Limits{})
	o := offer("w", 1, "echo")
	o.Repeatable = []string{"a.S/Get"}
	s.want(s.d.Ready(s.now, peer("w"), o))
	s.want(s.ask(1, harmful, func(r *desk.Request) { r.Method = "a.S/Get" }), "deliver 1 to w")
	s.want(s.d.Gone(s.now, peer("w")), "reply 1 to c of w: UNAVAILABLE")
}

func TestRequestThatComesTooLateSaysWhere(t *testing.T) {
	s := newStage(t, desk.Limits{})
	actions := s.ask(1, within(-1))
	s.want(actions, "reply 1 to c: DEADLINE_EXCEEDED, refused")
	if details := actions[0].(desk.Reply).Answer.Status.GetDetails(); len(details) != 1 {
		t.Errorf("the details are %v", details)
	}
}
