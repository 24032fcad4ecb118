package desk_test

import (
	"testing"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

func TestRetiredWorkerStaysSoWhenItIsReadyAgain(t *testing.T) {
	for name, again := range map[string]struct {
		peer    string
		session uint64
		told    []string
	}{
		"in its session":           {"w1", 7, nil},
		"in another one":           {"w1", 8, nil},
		"from a new connection":    {"other", 7, []string{"disconnect to w1: ALREADY_EXISTS"}},
		"of a protocol without id": {"w1", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, desk.Limits{})
			o := offer("w1", 1, "echo")
			o.Session = 7
			s.want(s.d.Ready(0, peer("w1"), o))
			s.want(s.d.Retire(0, peer("w1")))
			s.want(s.ask(1))
			s.want(s.d.Drain(0, peer("w1")))
			o.Session = again.session
			s.want(s.d.Ready(0, peer(again.peer), o), again.told...)
			if v, _ := s.d.Worker("w1"); v.State != desk.Draining || !v.Retired || v.Peer != peer(again.peer) {
				t.Errorf("got %+v", v)
			}
			// Another one is none of this.
			s.want(s.d.Ready(0, peer("w2"), offer("w2", 1, "echo")), "deliver 1 to w2")
		})
	}
}

func TestRetiredWorkerIsReinstated(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1")
	s.want(s.d.Retire(0, peer("w1")))
	s.want(s.ask(1))
	s.want(s.d.Reinstate(0, peer("w1")), "deliver 1 to w1")
	s.want(s.d.Reinstate(0, peer("w1")))
	s.want(s.reply("w1", 1), "reply 1 to c of w1")
	s.want(s.d.Ready(0, peer("w1"), offer("w1", 1, "echo"))) // and stays so
	s.want(s.ask(2), "deliver 2 to w1")
	s.want(s.reply("w1", 2), "reply 2 to c of w1")
	// What the worker wishes itself is not the operator's.
	s.want(s.d.Drain(0, peer("w1")))
	s.want(s.d.Reinstate(0, peer("w1")))
	s.want(s.ask(3))
	s.want(s.d.Reinstate(0, peer("nobody")))
}

func TestQuestionsAboutAWorkerAreNoneOfItsWork(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1")
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.reply("w1", 1), "reply 1 to c of w1")
	s.want(s.ask(2, func(r *desk.Request) { r.Control = true }), "deliver 2 to w1")
	s.want(s.reply("w1", 2), "reply 2 to c of w1")
	if v, _ := s.d.Worker("w1"); v.Served != 1 {
		t.Errorf("it served %d", v.Served)
	}
}

func TestRetiredWorkerServesAgainWhenItWasGone(t *testing.T) {
	for name, leave := range map[string]func(*desk.Desk) []desk.Action{
		"gone":      func(d *desk.Desk) []desk.Action { return d.Gone(0, peer("w1")) },
		"dismissed": func(d *desk.Desk) []desk.Action { return d.Dismiss(0, peer("w1"), nil) },
		"rejected":  func(d *desk.Desk) []desk.Action { return d.Ready(0, peer("w1"), offer("w1", 1)) },
		"renamed":   func(d *desk.Desk) []desk.Action { return d.Ready(0, peer("w1"), offer("w2", 1, "other")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, desk.Limits{})
			s.ready("w1")
			s.want(s.d.Retire(0, peer("w1")))
			leave(s.d)
			s.want(s.ask(1))
			s.want(s.d.Ready(0, peer("x"), offer("w1", 1, "echo")), "deliver 1 to x")
		})
	}
	s := newStage(t, desk.Limits{})
	s.want(s.d.Retire(0, peer("nobody")))
}
