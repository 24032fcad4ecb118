package desk_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

func TestBusyWorkerThatIsSilentIsDeadAndItsRequestsGoOn(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2")
	s.want(s.ask(1, safe), "deliver 1 to w1")
	s.want(s.pass(2999*time.Millisecond, "w2"))
	s.want(s.pass(time.Millisecond, "w2"), "disconnect to w1: UNAVAILABLE", "deliver 2 to w2")
	s.want(s.reply("w1", 1), "disconnect to w1: UNAVAILABLE")
	s.want(s.reply("w2", 2), "reply 1 to c of w2")
	if c := s.d.Counters(); c.Late != 1 || c.Died != 1 || c.Redelivered != 1 || c.Answered != 1 {
		t.Fatalf("got %+v", c)
	}
}

func TestRequestThatMayDoHarmIsNotExecutedAgain(t *testing.T) {
	for _, test := range []struct {
		name       string
		change     func(*desk.Request)
		idempotent bool
		want       string
	}{
		{"harmful", harmful, true, "reply 1 to c of w1: UNAVAILABLE"},
		{"unsaid", func(*desk.Request) {}, false, "reply 1 to c of w1: UNAVAILABLE"},
		{"unsaid, MDP", func(*desk.Request) {}, true, "deliver 2 to w2"},
		{"safe", safe, false, "deliver 2 to w2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t, desk.Limits{})
			o := offer("w1", 1, "echo")
			o.Idempotent = test.idempotent
			s.want(s.d.Ready(0, peer("w1"), o))
			s.ready("w2")
			s.want(s.ask(1, test.change), "deliver 1 to w1")
			s.want(s.d.Gone(0, peer("w1")), test.want)
		})
	}
}

func TestNothingIsExecutedAgainOfAServiceOfWhichThatIsForbidden(t *testing.T) {
	for name, lose := range map[string]func(*stage) []desk.Action{
		"its worker is gone":     func(s *stage) []desk.Action { return s.d.Gone(0, peer("w1")) },
		"its worker was silent":  func(s *stage) []desk.Action { return s.pass(3*time.Second, "w2") },
		"its worker began again": func(s *stage) []desk.Action { return s.d.Ready(0, peer("w1"), offer("w1", 1, "other")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, desk.Limits{})
			s.d.NeverRepeat("other", "echo")
			o := offer("w1", 1, "echo")
			o.Idempotent = true
			s.want(s.d.Ready(0, peer("w1"), o))
			s.ready("w2")
			s.want(s.ask(1, safe), "deliver 1 to w1")
			got := told(lose(s))
			if !slices.Contains(got, "reply 1 to c of w1: UNAVAILABLE") || slices.Contains(got, "deliver 2 to w2") {
				t.Errorf("got %q", got)
			}
		})
	}
	s := newStage(t, desk.Limits{}) // what never left was not executed
	s.d.NeverRepeat("echo")
	s.ready("w1", "w2")
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.d.Gone(0, peer("w1"), 1), "deliver 2 to w2")
}

func TestRequestThatNeverLeftGoesToAnotherWhateverItDoes(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2")
	s.want(s.ask(1, harmful), "deliver 1 to w1")
	s.want(s.d.Gone(0, peer("w1"), 1), "deliver 2 to w2")
}

func TestWorkerThatLeavesInGoodOrderHasExecutedNothingThatItDidNotAnswer(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.want(s.d.Ready(0, peer("w1"), offer("w1", 3, "echo")))
	for call := range uint64(3) {
		s.want(s.ask(call+1, harmful), fmt.Sprintf("deliver %d to w1", call+1))
	}
	s.want(s.d.Item(0, peer("w1"), 2, desk.Content{}), "item 2 to c of w1")
	s.want(s.d.Left(0, peer("w1")), "reply 2 to c of w1: UNAVAILABLE") // of which something came
	s.want(s.d.Ready(0, peer("w2"), offer("w2", 3, "echo")), "deliver 4 to w2", "deliver 5 to w2")
}

func TestRequestThatNeverLeftIsNoPoison(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.want(s.ask(1, harmful))
	for delivery := uint64(1); delivery <= 5; delivery++ {
		s.want(s.d.Ready(0, peer("w1"), offer("w1", 1, "echo")), fmt.Sprintf("deliver %d to w1", delivery))
		s.want(s.d.Gone(0, peer("w1"), delivery))
	}
	o := offer("w1", 1, "echo")
	o.Idempotent = true
	s.want(s.d.Ready(0, peer("w1"), o), "deliver 6 to w1")
	s.want(s.ask(2, safe))
	s.want(s.d.Gone(0, peer("w1")), "reply 1 to c of w1: UNAVAILABLE")
	for delivery := uint64(7); delivery <= 11; delivery++ { // none of these is a delivery
		s.want(s.d.Ready(0, peer("w1"), o), fmt.Sprintf("deliver %d to w1", delivery))
		s.want(s.d.Gone(0, peer("w1"), delivery))
	}
	s.want(s.d.Ready(0, peer("w1"), o), "deliver 12 to w1")
	s.want(s.d.Gone(0, peer("w1")))
	s.want(s.d.Ready(0, peer("w1"), o), "deliver 13 to w1")
}

func TestPeerThatIsClientAndWorkerIsToldNothingWhenItIsGone(t *testing.T) {
	s := newStage(t, desk.Limits{})
	o := offer("c", 1, "echo")
	o.Cancels = true
	s.want(s.d.Ready(0, peer("c"), o))
	s.want(s.ask(1), "deliver 1 to c")
	s.want(s.ask(2))
	s.want(s.d.Gone(0, peer("c")))
	if l := s.d.Load(); l != (desk.Load{}) {
		t.Fatalf("left: %+v", l)
	}
}

func TestStreamThatHasBegunDoesNotBeginAgain(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2")
	s.want(s.ask(1, safe), "deliver 1 to w1")
	s.want(s.d.Item(0, peer("w1"), 1, desk.Content{}), "item 1 to c of w1")
	s.want(s.d.Gone(0, peer("w1")), "reply 1 to c of w1: UNAVAILABLE")
}

func TestPoisonMessageIsNamed(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2", "w3", "w4")
	s.want(s.ask(1, safe), "deliver 1 to w1")
	s.want(s.d.Gone(0, peer("w1")), "deliver 2 to w2")
	s.want(s.d.Gone(0, peer("w2")), "deliver 3 to w3")
	actions := s.d.Gone(0, peer("w3"))
	if text := actions[0].(desk.Reply).Answer.Status.GetMessage(); !strings.Contains(text, "poison message") {
		t.Fatalf("got %q", text)
	}
	s.want(actions, "reply 1 to c of w3: INTERNAL")
	if s.d.Counters().Poison != 1 {
		t.Fatal("not counted")
	}
}

func TestRefusedRequestGoesToAnotherWorkerThreeTimes(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2", "w3", "w4")
	refusal := desk.Answer{Status: &mitterev1.Status{Code: mitterev1.Code_CODE_UNAVAILABLE}, Refused: true}
	s.want(s.ask(1, harmful), "deliver 1 to w1")
	s.want(s.d.Reply(0, peer("w1"), 1, refusal), "deliver 2 to w2")
	s.want(s.d.Reply(0, peer("w2"), 2, refusal), "deliver 3 to w3")
	s.want(s.d.Reply(0, peer("w3"), 3, refusal), "reply 1 to c of w3: UNAVAILABLE, refused")
	refusal.Status = &mitterev1.Status{Code: mitterev1.Code_CODE_UNIMPLEMENTED}
	s.want(s.ask(2), "deliver 4 to w4")
	s.want(s.d.Reply(0, peer("w4"), 4, refusal), "reply 2 to c of w4: UNIMPLEMENTED, refused")
}

func TestNobodyIsDeadBecauseTheBrokerWasPaused(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2")
	s.want(s.ask(1, within(5*time.Second)), "deliver 1 to w1")
	s.now = time.Minute
	s.want(s.d.Tick(s.now), "reply 1 to c of w1: DEADLINE_EXCEEDED")
	s.want(s.d.Heartbeat(s.now, peer("w1")))
	if got := len(s.d.Workers()); got != 2 {
		t.Fatalf("%d workers", got)
	}
	s.want(s.pass(3*time.Second, "w1"), "disconnect to w2: UNAVAILABLE")
}

func TestHeartbeatsAreSentToIdleAndBusyWorkersInTime(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("idle", "busy")
	s.want(s.ask(1, named("busy")), "accepted 1 to c: [busy], not []", "deliver 1 to busy")
	beats := map[string]int{}
	for range 100 {
		for _, a := range s.pass(100*time.Millisecond, "idle", "busy") {
			beats[a.(desk.Heartbeat).To.ID]++
		}
	}
	if beats["idle"] != 13 || beats["busy"] != 13 {
		t.Fatalf("in 10 s with an interval of 1 s, sent after 3/4 of it: %v", beats)
	}
}

func TestClientThatIsGoneHasItsRequestsCancelled(t *testing.T) {
	s := newStage(t, desk.Limits{})
	o := offer("w1", 1, "echo")
	o.Cancels = true
	s.want(s.d.Ready(0, peer("w1"), o))
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.ask(2))
	s.want(s.d.Request(0, peer("other"), &desk.Request{Call: 1, Service: "echo"}))
	s.want(s.d.Gone(0, peer("c")), "cancel 1 to w1", "deliver 2 to w1")
	s.want(s.reply("w1", 1))
	s.want(s.reply("w1", 2), "reply 1 to other of w1")
	if c := s.d.Counters(); c.Cancelled != 2 || c.Late != 1 {
		t.Fatalf("got %+v", c)
	}
}

func TestBrokerThatStopsAnswersAll(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2")
	s.want(s.ask(1, harmful), "deliver 1 to w1")
	s.want(s.ask(2, safe), "deliver 2 to w2")
	s.want(s.ask(3))
	s.want(s.d.Shut(0))
	s.want(s.ask(4), "reply 4 to c: UNAVAILABLE, refused")
	s.want(s.reply("w1", 1), "reply 1 to c of w1", "deliver 3 to w1")
	s.want(s.ask(5), "reply 5 to c: UNAVAILABLE, refused")
	s.want(s.d.End(0), "disconnect to w1: UNAVAILABLE", "reply 3 to c of w1: UNAVAILABLE", "disconnect to w2: UNAVAILABLE", "reply 2 to c: UNAVAILABLE")
	if l := s.d.Load(); l != (desk.Load{}) {
		t.Fatalf("left: %+v", l)
	}
}

func TestWorkerThatHeedsNoCancelIsBusyUntilItAnswers(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1")
	s.want(s.ask(1, within(time.Second)), "deliver 1 to w1")
	s.want(s.pass(time.Second, "w1"), "reply 1 to c of w1: DEADLINE_EXCEEDED")
	s.want(s.ask(2))
	s.want(s.d.Item(s.now, peer("w1"), 1, desk.Content{}))
	s.want(s.reply("w1", 1), "deliver 2 to w1")
	if c := s.d.Counters(); c.Late != 2 {
		t.Fatalf("got %+v", c)
	}
}
