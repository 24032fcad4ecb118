package desk_test

import (
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// A worker that is free has not answered: it can get another request.
func TestWorkerThatIsFreeThoughItDidNotAnswerIsAskedAgain(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1")
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.ask(2))
	s.want(s.d.Spare(0, peer("w1"), 1), "deliver 2 to w1")
	s.want(s.d.Spare(0, peer("w1"), 1)) // which is known
	s.want(s.ask(3))
	s.want(s.reply("w1", 2), "reply 2 to c of w1", "deliver 3 to w1")
	s.want(s.reply("w1", 1), "reply 1 to c of w1") // late, but not too late
	s.want(s.ask(4))
	s.want(s.reply("w1", 3), "reply 3 to c of w1", "deliver 4 to w1")
	s.want(s.d.Spare(0, peer("w2"), 4), "disconnect to w2: UNAVAILABLE")
	s.want(s.d.Spare(0, peer("w1"), 3))
}

// What a worker leaves unanswered ends as if no worker had begun it in time, whichever client waits
// for how long.
func TestRequestThatIsLeftUnansweredEndsAfterTheExpiry(t *testing.T) {
	s := newStage(t, desk.Limits{Expiry: 5 * time.Second})
	s.ready("w1")
	s.want(s.ask(1, within(time.Hour)), "deliver 1 to w1")
	s.want(s.pass(time.Minute, "w1"))
	s.want(s.d.Spare(s.now, peer("w1"), 1))
	s.want(s.pass(5*time.Second, "w1"), "reply 1 to c of w1: DEADLINE_EXCEEDED")
	if v, _ := s.d.Worker("w1"); v.InFlight != 0 || v.State != desk.Idle {
		t.Errorf("got %+v", v)
	}
	s.want(s.reply("w1", 1))
	if c := s.d.Counters(); c.Late != 1 || c.Expired != 1 {
		t.Errorf("got %+v", c)
	}
}

// It was executed as far as it is going to be, so that no other worker gets it.
func TestRequestThatIsLeftUnansweredIsNobodyElses(t *testing.T) {
	for name, end := range map[string]func(*stage){
		"its worker is lost": func(s *stage) { s.want(s.d.Gone(0, peer("w1")), "reply 1 to c of w1: DEADLINE_EXCEEDED") },
		"its worker begins anew": func(s *stage) {
			s.want(s.d.Ready(0, peer("w1"), offer("w1", 1, "echo")), "reply 1 to c of w1: DEADLINE_EXCEEDED")
		},
		"its client cancels": func(s *stage) { s.want(s.d.Cancel(0, peer("c"), 1)) },
		"its client had left it": func(s *stage) {
			s.want(s.d.Cancel(0, peer("c"), 1))
			s.want(s.d.Spare(0, peer("w1"), 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, desk.Limits{})
			s.ready("w1", "w2")
			s.want(s.ask(1), "deliver 1 to w1")
			if name != "its client had left it" {
				s.want(s.d.Spare(0, peer("w1"), 1))
			}
			end(s)
			if l := s.d.Load(); l.InFlight != 0 || l.Calls != 0 {
				t.Errorf("got %+v", l)
			}
		})
	}
}
