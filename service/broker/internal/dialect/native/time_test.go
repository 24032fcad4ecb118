package native_test

import (
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// The age of a request is how much longer it was on its way than others of the session.
func TestAgeIsTakenOffTheTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		timeout, wait, late time.Duration
		wantTimeout         time.Duration // 0: it is refused
		wantWait            time.Duration
	}{
		"in time":         {timeout: 500, wait: 100, wantTimeout: 500, wantWait: 100},
		"late":            {timeout: 500, wait: 100, late: 60, wantTimeout: 440, wantWait: 40},
		"too late":        {timeout: 500, late: 500},
		"waited too long": {timeout: 500, wait: 100, late: 100},
		"for ever":        {late: 250, wantTimeout: 24 * time.Hour / time.Millisecond},
		"nonsense":        {timeout: -5, wait: -5, wantTimeout: 24 * time.Hour / time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.must("c", &mitterev1.Hello{HeartbeatNano: int64(time.Second), SentAtNano: s.sent()})
			s.want("c < Welcome")
			sent := s.sent()
			s.Now += c.late * time.Millisecond
			s.worker("w", "echo")
			s.mustAsk("c", 1, func(k *mitterev1.Request) {
				k.SentAtNano, k.TimeoutNano, k.WaitNano = sent, int64(c.timeout*time.Millisecond), int64(c.wait*time.Millisecond)
			})
			if c.wantTimeout == 0 {
				s.want("c < Reply 1 of b DEADLINE_EXCEEDED refused")
				if details := s.last.Kind.(*mitterev1.Reply).GetStatus().GetDetails(); len(details) != 1 || details[0].MessageName() != "mittere.v1.Overtime" {
					t.Errorf("the details are %v", details)
				}
				return
			}
			s.want("w < Request 1 echo  hi")
			k := s.request()
			if k.GetTimeoutNano() != int64(c.wantTimeout*time.Millisecond) || k.GetWaitNano() != int64(c.wantWait*time.Millisecond) {
				t.Errorf("the worker has %v and %v", time.Duration(k.GetTimeoutNano()), time.Duration(k.GetWaitNano()))
			}
		})
	}
}

// A process that was paused reads requests that nobody waits for, and finds requests in
// its queue whose time is over.
func TestProcessPauseEndsSessionsBeforeAnythingIsRead(t *testing.T) {
	s := newStage(t)
	s.client("c", "d")
	s.mustAsk("c", 1)
	s.mustAsk("d", 1, func(k *mitterev1.Request) { k.TimeoutNano = int64(heartbeat) })
	s.Now += 3*heartbeat + 1
	s.mustAsk("c", 2) // which lay there
	s.want("c < Reply 2 of b UNAVAILABLE refused", "c < Disconnect UNAVAILABLE", "d < Reply 1 of b DEADLINE_EXCEEDED refused")
	s.KeepOne(peer("d"), false)
	s.hello("w", mitterev1.Role_ROLE_WORKER)
	s.ready("w", "echo")
	s.want()
	if l := s.Desk.Load(); l.Calls != 0 {
		t.Errorf("left: %+v", l)
	}
}

func TestProcessPauseLosesWorkersWithWhatTheyHave(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.must("c", &mitterev1.Hello{HeartbeatNano: int64(time.Minute)})
	s.want("c < Welcome")
	s.mustAsk("c", 1)
	s.want("w < Request 1 echo  hi")
	s.Now += 3*heartbeat + 1
	s.must("w", &mitterev1.Reply{Call: 1}, "HI")
	s.want("w < Disconnect UNAVAILABLE", "c < Reply 1 of w UNAVAILABLE")
}

func TestSilentPeersAreGone(t *testing.T) {
	s := newStage(t)
	s.client("c", "d")
	s.worker("w", "echo")
	s.mustAsk("c", 1)
	s.want("w < Request 1 echo  hi")
	beat := func(names ...string) {
		for _, name := range names {
			s.must(name, &mitterev1.Heartbeat{Session: s.sessions[name], SentAtNano: s.sent()})
		}
	}
	for range 4 {
		s.pass(heartbeat)
		beat("w", "d")
	}
	s.want("w < Cancel 1")
	for range 3 {
		s.pass(heartbeat)
		beat("d")
	}
	s.want("w < Disconnect UNAVAILABLE")
	if s.Speakers[peer("d")].Idle() || !s.Speakers[peer("c")].Idle() || !s.Speakers[peer("w")].Idle() {
		t.Error("the wrong one is gone")
	}
}

func TestWhateverAPeerSendsIsAHeartbeat(t *testing.T) {
	for _, kind := range []string{"Request", "Credit", "Cancel", "Heartbeat", "Reply", "Item", "Event", "Drain", "Ready"} {
		t.Run(kind, func(t *testing.T) {
			s := newStage(t)
			switch kind {
			case "Request", "Credit", "Cancel", "Heartbeat":
				s.client("p")
			default:
				s.worker("p", "echo")
			}
			for range 3 {
				s.pass(2 * heartbeat)
				_ = s.say("p", commands(s.sessions["p"])[kind], "hi")
				if s.Speakers[peer("p")].Idle() {
					t.Fatalf("the session is over at %v", s.Now)
				}
			}
		})
	}
}

func TestHeartbeatsGoToEachSession(t *testing.T) {
	s := newStage(t)
	s.client("c")
	s.KeepOne(peer("c"), false)
	s.Now += heartbeat*3/4 - 1
	s.KeepOne(peer("c"), false)
	if s.beats != 0 {
		t.Fatalf("%d heartbeats before one was due", s.beats)
	}
	s.Now++
	s.KeepOne(peer("c"), false)
	s.KeepOne(peer("c"), false)
	if s.beats != 1 {
		t.Fatalf("%d heartbeats, want one", s.beats)
	}
	s.KeepOne(peer("c"), true)
	if s.beats != 2 {
		t.Fatalf("%d heartbeats, want another one as a probe", s.beats)
	}
	s.must("c", &mitterev1.Disconnect{})
	s.KeepOne(peer("c"), true)
	if s.beats != 2 {
		t.Fatal("a heartbeat without a session")
	}
}

func TestWorkersAreToldTheTimeWithEachRequest(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	s.Now += heartbeat / 2
	s.mustAsk("c", 1)
	if got := s.request().GetSentAtNano(); got != int64(s.Now)+1 {
		t.Errorf("sent at %d, want %d", got, s.Now+1)
	}
	s.Now += heartbeat / 2
	beats := s.beats
	s.KeepOne(peer("w"), false)
	if s.beats != beats {
		t.Errorf("%d heartbeats, though a request told the time", s.beats-beats)
	}
}

func TestBrokerThatStops(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	s.mustAsk("c", 1)
	s.want("w < Request 1 echo  hi")
	s.Perform(s.Desk.Shut(s.Now))
	keeper := func(name string) dialect.Keeper { return s.Speakers[peer(name)].(dialect.Keeper) }
	s.tellAll("c", keeper("c").Drain())
	s.tellAll("w", keeper("w").Drain())
	s.want("c < Drain")
	s.mustAsk("c", 2)
	s.must("d", &mitterev1.Hello{})
	s.must("w", &mitterev1.Reply{Call: 1}, "HI")
	s.want("c < Reply 2 of b UNAVAILABLE refused", "d < Welcome", "d < Drain", "c < Reply 1 of w HI")
	s.Perform(s.Desk.End(s.Now))
	for _, name := range []string{"c", "d", "w"} {
		s.tellAll(name, keeper(name).Bye())
		s.tellAll(name, keeper(name).Drain())
		s.tellAll(name, keeper(name).Bye())
	}
	s.want("w < Disconnect UNAVAILABLE", "c < Disconnect UNAVAILABLE refused", "d < Disconnect UNAVAILABLE refused")
	s.KeepOne(peer("c"), false)
	s.want()
	s.KeepOne(peer("c"), true) // is it there still?
	s.want("c < Disconnect UNAVAILABLE refused")
}

// A worker that was paused answers when it goes on: what it was asked for has gone to
// another one, or has failed.
func TestAnswersAfterTheSessionAreCountedAndDropped(t *testing.T) {
	for name, tells := range map[string]bool{"the broker noticed before": false, "the answer tells": true} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.worker("w", "echo")
			s.must("c", &mitterev1.Hello{HeartbeatNano: int64(time.Second), SentAtNano: s.sent()})
			s.want("c < Welcome")
			s.mustAsk("c", 1)
			s.want("w < Request 1 echo  hi")
			if tells {
				s.Now += 3*heartbeat + 1
			} else {
				s.pass(3*heartbeat + heartbeat/5)
				s.want("w < Disconnect UNAVAILABLE", "c < Reply 1 of w UNAVAILABLE")
			}
			s.must("w", &mitterev1.Reply{Call: 1}, "late")
			if tells {
				s.want("w < Disconnect UNAVAILABLE", "c < Reply 1 of w UNAVAILABLE")
			} else {
				s.want("w < Disconnect UNAVAILABLE")
			}
			s.must("w", &mitterev1.Item{Call: 1, Index: 1}, "late")
			s.want("w < Disconnect UNAVAILABLE")
			if c := s.Desk.Counters(); c.Late != 2 || c.Replies+c.Items != 0 {
				t.Errorf("got %+v", c)
			}
		})
	}
}
