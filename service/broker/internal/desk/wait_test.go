package desk_test

import (
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

func curious(r *desk.Request) { r.Tell = true }
func fast(r *desk.Request)    { r.FailFast = true }

func TestClientsAreToldWhyTheirRequestWaitsWhenThatChanges(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.want(s.ask(1, curious))
	s.want(s.ask(2)) // which does not want to know
	s.want(s.pass(90 * time.Millisecond))
	s.want(s.pass(20*time.Millisecond), `waiting 1 to c: no worker serves "echo"`)
	s.want(s.pass(3*time.Second, "w1"))
	s.ready() // nobody
	s.want(s.d.Ready(s.now, peer("w1"), offer("w1", 1, "echo")), "waiting 1 to c: ", "deliver 1 to w1")
	s.want(s.ask(3, curious))
	s.want(s.pass(150*time.Millisecond, "w1"), `waiting 3 to c: "echo" has 1 worker, and none is free; 1 request waits before`)
	s.want(s.reply("w1", 1), "reply 1 to c of w1", "deliver 2 to w1")
	s.want(s.pass(1200*time.Millisecond, "w1"), `waiting 3 to c: "echo" has 1 worker, and none is free`)
	s.want(s.d.Drain(s.now, peer("w1")))
	s.want(s.pass(1200*time.Millisecond, "w1"), `waiting 3 to c: "echo" has 1 worker, and all are draining`)
}

func TestRepetitionsAreToldWhyTheyWait(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.want(s.ask(1, curious, key(1)))
	s.want(s.pass(150*time.Millisecond), `waiting 1 to c: no worker serves "echo"`)
	s.want(s.ask(2, curious, key(1)))
	s.want(s.pass(time.Second), `waiting 1 to c: no worker serves "echo"`, `waiting 2 to c: no worker serves "echo"`)
}

func TestRequestsWithLittleTimeAreToldInTime(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.want(s.ask(1, curious, within(50*time.Millisecond)))
	s.want(s.pass(60*time.Millisecond), `waiting 1 to c: no worker serves "echo"`, "reply 1 to c: DEADLINE_EXCEEDED, refused")
}

func TestRequestsThatFailFastDoNotWaitForAWorkerToCome(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.want(s.ask(1, fast), "reply 1 to c: UNAVAILABLE, refused")
	s.ready("w1", "w2")
	s.ask(2)
	s.ask(3)
	s.want(s.ask(4, fast))
	s.want(s.ask(5))
	s.want(s.d.Drain(s.now, peer("w1")))
	s.want(s.d.Gone(s.now, peer("w2")), "reply 3 to c of w2: UNAVAILABLE", "reply 4 to c: UNAVAILABLE, refused")
	s.want(s.ask(6, fast), "reply 6 to c: UNAVAILABLE, refused")
	s.want(s.d.Ready(s.now, peer("w1"), offer("w1", 2, "echo")), "reply 2 to c of w1: UNAVAILABLE", "deliver 3 to w1")
}
