package desk_test

import (
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// The tests of this file are of the faults that known brokers of Majordomo and of
// NorFab have.

// In other brokers: DISCONNECT or a second READY ended the broker.
func TestDisconnectAndSecondReadyAreLegalInEveryState(t *testing.T) {
	states := map[string]func(*stage){
		"unknown":  func(*stage) {},
		"idle":     func(s *stage) { s.ready("w1") },
		"busy":     func(s *stage) { s.ready("w1"); s.ask(1) },
		"draining": func(s *stage) { s.ready("w1"); s.ask(1); s.d.Drain(0, peer("w1")) },
		"waited for": func(s *stage) {
			s.ready("w1")
			s.ask(1)
			s.ask(2, named("w1"))
		},
	}
	for name, reach := range states {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, desk.Limits{})
			reach(s)
			s.d.Ready(0, peer("w1"), offer("w1", 1, "echo"))
			s.d.Gone(0, peer("w1"))
			s.d.Gone(0, peer("w1"))
			s.want(s.d.Drain(0, peer("w1")))
			if l := s.d.Load(); l != (desk.Load{}) {
				t.Fatalf("left: %+v", l)
			}
			s.want(s.pass(time.Minute)) // no heartbeat, no purge
			s.ready("w1")
			s.want(s.ask(9), "deliver "+map[bool]string{true: "2", false: "1"}[name == "busy" || name == "draining" || name == "waited for"]+" to w1")
		})
	}
}

// What a worker had that begins anew goes as if it had died.
func TestSecondReadyOfABusyWorkerIsANewWorker(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1")
	s.want(s.ask(1, safe), "deliver 1 to w1")
	s.want(s.d.Ready(0, peer("w1"), offer("w1", 1, "echo")), "deliver 2 to w1")
	s.want(s.reply("w1", 1))
	s.want(s.reply("w1", 2), "reply 1 to c of w1")
}

// In other brokers: a service that was only asked for counted as there, and for ever.
func TestServiceThatNobodyUsesIsForgotten(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.want(s.ask(1, within(time.Second)))
	if v, ok := s.d.Service("echo"); !ok || v.Workers != 0 || v.Queued != 1 {
		t.Fatalf("got %+v", v)
	}
	s.want(s.pass(time.Second), "reply 1 to c: DEADLINE_EXCEEDED, refused")
	if _, ok := s.d.Service("echo"); ok || len(s.d.Services()) != 0 {
		t.Fatal("not forgotten")
	}
	s.ready("w1")
	s.d.Gone(s.now, peer("w1"))
	if len(s.d.Services()) != 0 || len(s.d.Workers()) != 0 {
		t.Fatal("not forgotten")
	}
}

// In other brokers: a reply of a worker without a request went to any client.
func TestRepliesThatBelongToNothingAreDropped(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2")
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.reply("w2", 1)) // foreign
	s.want(s.reply("w2", 0)) // foreign
	s.want(s.reply("w2", 7)) // foreign
	s.want(s.reply("w1", 1), "reply 1 to c of w1")
	s.want(s.reply("w1", 1)) // duplicate
	s.want(s.d.Event(0, peer("w1"), 1, desk.Content{}))
	s.want(s.reply("nobody", 1), "disconnect to nobody: UNAVAILABLE")
	if c := s.d.Counters(); c.Foreign != 4 || c.Duplicates != 2 || c.Late != 0 {
		t.Fatalf("got %+v", c)
	}
	if v, _ := s.d.Service("echo"); v.Free != 2 {
		t.Fatalf("got %+v", v)
	}
}

// In other brokers: the purge ended at the first live worker.
func TestAllDeadWorkersArePurged(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2", "w3", "w4")
	s.want(s.pass(3*time.Second, "w2", "w4"), "disconnect to w1: UNAVAILABLE", "disconnect to w3: UNAVAILABLE")
	if c := s.d.Counters(); c.Died != 2 {
		t.Fatalf("%d died", c.Died)
	}
}

// A worker that is not known learns it at once, so that it registers.
func TestHeartbeatOfAnUnknownWorkerIsAnsweredWithDisconnect(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.want(s.d.Heartbeat(0, peer("w1")), "disconnect to w1: UNAVAILABLE")
	s.want(s.d.Hear(0, peer("c")))
}

// RFC 8: reserved names, by the service's name and not the sender's.
func TestReservedServicesCannotBeOffered(t *testing.T) {
	s := newStage(t, desk.Limits{})
	for _, name := range []string{"mmi.service", "mmi.", "mittere.v1.BrokerService"} {
		s.ready("w1")
		s.want(s.d.Ready(0, peer("w1"), offer("w1", 1, "echo", name)), "disconnect to w1: PERMISSION_DENIED")
		if s.d.Registered(peer("w1")) {
			t.Fatal("registered")
		}
		s.want(s.ask(1, func(r *desk.Request) { r.Service = name }), "reply 1 to c: UNIMPLEMENTED, refused")
	}
	s.want(s.d.Ready(0, peer("mmi.w"), offer("mmi.w", 1, "mmi", "mimi.x")))
}

// In other brokers: targets reached workers of other services, and unknown names were
// passed over.
func TestTargetsAreWorkersOfTheService(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2")
	s.want(s.d.Ready(0, peer("other"), offer("other", 1, "other")))
	s.want(s.ask(1, named("other", "nobody")), "reply 1 to c: NOT_FOUND, refused")
	s.want(s.ask(2, named("w2", "other", "w2")), "accepted 2 to c: [w2], not [other]", "deliver 1 to w2")
	s.want(s.ask(3, named()), "reply 3 to c: INVALID_ARGUMENT, refused")
	s.want(s.ask(4, all, func(r *desk.Request) { r.Service = "none" }), "reply 4 to c: UNAVAILABLE, refused")
	s.want(s.ask(5, func(r *desk.Request) { r.Target.Kind = 9 }), "reply 5 to c: INVALID_ARGUMENT, refused")
}

func TestEachWorkersAnswerComesApart(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2", "w3", "w4")
	s.want(s.ask(1), "deliver 1 to w1")
	s.want(s.ask(2, all), "accepted 2 to c: [w1 w2 w3 w4], not []", "deliver 2 to w2", "deliver 3 to w3", "deliver 4 to w4")
	s.want(s.reply("w3", 3), "reply 2 to c of w3, more")
	s.want(s.d.Credit(0, peer("c"), 2, "", 5), "credit 2 to w2: 5", "credit 4 to w4: 5")
	s.want(s.d.Gone(0, peer("w2")), "reply 2 to c of w2: UNAVAILABLE, more")
	s.want(s.reply("w1", 1), "reply 1 to c of w1", "deliver 5 to w1")
	s.want(s.d.Dismiss(0, peer("w4"), nil), "disconnect to w4: UNSPECIFIED", "reply 2 to c of w4: UNAVAILABLE, more")
	s.want(s.reply("w1", 5), "reply 2 to c of w1")
}

func TestNameBelongsToWhomItWasGivenLast(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1")
	s.want(s.ask(1, safe), "deliver 1 to w1")
	s.want(s.d.Ready(0, peer("w9"), offer("w1", 1, "echo")), "disconnect to w1: ALREADY_EXISTS", "deliver 2 to w9")
	s.want(s.reply("w9", 2), "reply 1 to c of w1")
}
