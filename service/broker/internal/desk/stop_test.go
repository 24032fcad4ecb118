package desk_test

import (
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

func stops() *mitterev1.Status { return &mitterev1.Status{Code: mitterev1.Code_CODE_UNAVAILABLE} }

func of(service string) func(*desk.Request) {
	return func(r *desk.Request) { r.Service = service }
}

func TestBrokerThatStopsKeepsNothingThatNobodyServes(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2")
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.ask(2), "deliver 2 to w2")
	s.want(s.ask(3))
	s.want(s.ask(4, of("other"))) // which has no worker
	s.want(s.ask(5, of("mute"), within(1)))
	s.want(s.d.Shut(0), "reply 5 to c: UNAVAILABLE, refused", "reply 4 to c: UNAVAILABLE, refused")
	s.want(s.reply("w1", 1), "reply 1 to c of w1", "deliver 3 to w1")
	s.want(s.d.Gone(0, peer("w2"), 2)) // which never left
	s.want(s.d.Gone(0, peer("w1"), 3), "reply 2 to c: UNAVAILABLE, refused", "reply 3 to c: UNAVAILABLE, refused")
	if l := s.d.Load(); l != (desk.Load{}) {
		t.Fatalf("left: %+v", l)
	}
}

// A worker that comes back takes what waits for its service.
func TestBrokerThatStopsLetsWorkersComeBack(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1")
	s.want(s.ask(1, safe), "deliver 1 to w1")
	s.want(s.d.Shut(0))
	s.want(s.d.Ready(0, peer("x"), offer("w1", 1, "echo")), "disconnect to w1: ALREADY_EXISTS", "deliver 2 to x")
	s.want(s.d.Drain(0, peer("x")))
	s.want(s.d.Reply(0, peer("x"), 2, desk.Answer{Status: stops(), Refused: true})) // and waits for it to be ready
	s.want(s.d.Ready(0, peer("x"), offer("w1", 1, "echo")), "deliver 3 to x")
	s.want(s.reply("x", 3), "reply 1 to c of w1")
	if l := s.d.Load(); l.Calls != 0 {
		t.Fatalf("left: %+v", l)
	}
}

func TestBrokerThatStopsTellsOfItself(t *testing.T) {
	s := newStage(t, desk.Limits{})
	o := offer("own", 2, "mittere.v1.Broker")
	o.Own = true
	s.want(s.d.Ready(0, peer("own"), o))
	s.want(s.ask(1, of("mittere.v1.Broker")), "deliver 1 to own")
	s.want(s.d.Shut(0))
	s.want(s.ask(2, of("mittere.v1.Broker")), "deliver 2 to own")
	s.want(s.ask(3, of("mmi.service")), "reply 3 to c: UNAVAILABLE, refused")
	s.want(s.ask(4), "reply 4 to c: UNAVAILABLE, refused")
	s.want(s.reply("own", 2), "reply 2 to c of own")
	s.want(s.reply("own", 1), "reply 1 to c of own")
	if l := s.d.Load(); l.Calls != 0 {
		t.Fatalf("left: %+v", l)
	}
	s.want(s.d.Gone(0, peer("own")))
	s.want(s.ask(5, of("mittere.v1.Broker")), "reply 5 to c: UNAVAILABLE, refused")
}
