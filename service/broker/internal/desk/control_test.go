package desk_test

import (
	"fmt"
	"testing"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

func control(r *desk.Request) { r.Control = true }

// managed registers a worker with room for one request that takes control requests.
func (s *stage) managed(name string) {
	s.Helper()
	o := offer(name, 1, "echo")
	o.Control, o.Cancels = true, true
	s.want(s.d.Ready(s.now, peer(name), o))
}

func TestRequestsThatAreAsideReachBusyWorkers(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.managed("w1")
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.ask(2, named("w1"), control), "accepted 2 to c: [w1], not []", "deliver 2 to w1")
	s.want(s.ask(3, all, control), "accepted 3 to c: [w1], not []", "deliver 3 to w1")
	s.want(s.ask(4, control))     // which anybody may answer, as any other
	s.want(s.ask(5, named("w1")), // which is work
		"accepted 5 to c: [w1], not []")
	s.want(s.reply("w1", 2), "reply 2 to c of w1")
	s.want(s.reply("w1", 1), "reply 1 to c of w1", "deliver 4 to w1") // beside the control request
	s.want(s.reply("w1", 4), "reply 4 to c of w1", "deliver 5 to w1")
	if v, _ := s.d.Worker("w1"); v.InFlight != 2 || v.State != desk.Busy {
		t.Errorf("got %+v", v)
	}
	s.want(s.d.Cancel(s.now, peer("c"), 3), "cancel 3 to w1")
	s.want(s.reply("w1", 5), "reply 5 to c of w1")
	if v, _ := s.d.Service("echo"); v != (desk.ServiceView{Name: "echo", Workers: 1, Free: 1}) {
		t.Errorf("got %+v", v)
	}
}

func TestRequestsThatAreAsideReachWorkersThatDrain(t *testing.T) {
	for name, drain := range map[string]func(*desk.Desk) []desk.Action{
		"as it wishes":           func(d *desk.Desk) []desk.Action { return d.Drain(0, peer("w1")) },
		"as the operator wishes": func(d *desk.Desk) []desk.Action { return d.Retire(0, peer("w1")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, desk.Limits{Control: 1})
			s.managed("w1")
			s.want(s.ask(1), "deliver 1 to w1")
			s.want(s.ask(2, all, control), "accepted 2 to c: [w1], not []", "deliver 2 to w1")
			s.want(s.ask(3, all, control), "accepted 3 to c: [w1], not []") // there is room for one
			s.want(drain(s.d))
			s.want(s.ask(4, named("w1")), "reply 4 to c: NOT_FOUND, refused")
			s.want(s.reply("w1", 2), "reply 2 to c of w1", "deliver 3 to w1")
			s.want(s.ask(5, named("w1"), control), "accepted 5 to c: [w1], not []")
			s.want(s.d.Gone(0, peer("w1")), "reply 5 to c of w1: UNAVAILABLE, refused", "reply 3 to c of w1: UNAVAILABLE", "reply 1 to c of w1: UNAVAILABLE")
		})
	}
}

// Control requests are bounded for each worker, and then wait in their order.
func TestRequestsThatAreAsideAreBounded(t *testing.T) {
	s := newStage(t, desk.Limits{Queue: 2})
	s.managed("w1")
	const most = 16
	for call := uint64(1); call <= most; call++ {
		s.want(s.ask(call, all, control), fmt.Sprintf("accepted %d to c: [w1], not []", call), fmt.Sprintf("deliver %d to w1", call))
	}
	s.want(s.ask(17, all, control), "accepted 17 to c: [w1], not []")
	s.want(s.ask(18, all, control), "accepted 18 to c: [w1], not []")
	s.want(s.ask(19, all, control), "reply 19 to c: RESOURCE_EXHAUSTED, refused")
	s.want(s.ask(20), "deliver 17 to w1") // for which there is room
	s.want(s.reply("w1", 17), "reply 20 to c of w1")
	s.want(s.reply("w1", 3), "reply 3 to c of w1", "deliver 18 to w1")
	s.want(s.d.Cancel(0, peer("c"), 18))
	s.want(s.reply("w1", 4), "reply 4 to c of w1")
}

// A worker of a protocol that has one request at a time gets no other beside it.
func TestWorkersWithoutAControlPlaneGetNothingOnIt(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1")
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.ask(2, named("w1"), control), "accepted 2 to c: [w1], not []")
	s.want(s.d.Drain(0, peer("w1")), "reply 2 to c of w1: UNAVAILABLE, refused")
	s.want(s.ask(3, all, control), "reply 3 to c: UNAVAILABLE, refused")
}
