package pirate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect/pirate"
)

// The faults that other brokers of this protocol have.
func TestFaultsOfOtherBrokersAreNone(t *testing.T) {
	for name, script := range map[string][]string{
		"more clients than workers": {
			"w > {READY}",
			"c1 > |a", "w < {FRONT}e-1||a", "c2 > |b", "c3 > |c",
			"w > {FRONT}e-1||A", "c1 < |A", "w < {FRONT}e-2||b",
		},
		"a heartbeat goes to no client": {
			"w > {READY}", "w > {READY}",
			"c > |hi", "w < {FRONT}e-1||hi",
		},
		"short messages": {
			"c ! ", "c ! a|",
			"w ! ", "w ! |", "w ! \x00", "w ! ||", "w ! |a", "w ! |a|b", "w ! a|b", "w ! a||b",
			"w > {READY}", "w ! ", "w > {READY}", "w ! |", "w > {READY}", "w ! \x00",
		},
		"a worker of another protocol": {
			"w ! |MDPW01|\x01|echo", "w ! MDPW02|\x01|echo", "w ! |MDPC01|echo|hi", "w ! \x08\x01",
		},
		"routing ids of any bytes": {
			"bin > {READY}",
			"c > |hi", "bin < {FRONT}e-1||hi",
			"bin > {FRONT}e-1||HI", "c < |HI",
		},
	} {
		t.Run(name, func(t *testing.T) { all(t, desk.Limits{}, script...) })
	}
}

// A worker that the broker thought dead does not hear of it. What it says next brings
// it back, be it what it was busy with.
func TestWorkerThatWasThoughtDeadComesBack(t *testing.T) {
	for name, say := range map[string]string{
		"by its heartbeat": "w > \x02",
		"by READY":         "w > \x01",
		"by its reply":     "w > e-1||late",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, desk.Limits{})
			s.Play("w > \x01", "c > |hi", "w < e-1||hi", "+3s", "w < \x02", "w < \x02", "w < \x02")
			if s.Desk.Registered(s.Peer("w")) {
				t.Fatal("it is not thought dead")
			}
			s.Play(say, "w < e-2||hi", "w > e-1||late", "w > e-2||HI", "c < |HI")
			if got := s.Desk.Counters(); got.Late == 0 || got.Answered != 1 || got.Died != 1 {
				t.Fatalf("got %+v", got)
			}
		})
	}
}

func TestServerOfDividereThatWasThoughtDeadComesBack(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("w > <Heartbeat w>", "+3s", "w < <Heartbeat w>", "w < <Heartbeat w>", "w < <Heartbeat w>",
		"c > hi", "+1s",
		"w > <Heartbeat w>", "w < e-1||hi",
		"w > e-1||HI", "c < HI")
	if got := s.Desk.Counters(); got.Died != 1 {
		t.Fatalf("got %+v", got)
	}
}

// A server that has lost its request is not busy any more.
func TestServerOfDividereThatBeganAgainIsIdle(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("w > <Heartbeat w>", "v > \x01", "c > hi", "w < e-1||hi", "w ! what?", "v < e-2||hi", "w > <Heartbeat w>")
	s.Wait(3 * heartbeat)
	if s.Desk.Registered(s.Peer("w")) {
		t.Fatal("it is not thought dead")
	}
}

// dīvidere's broker does not watch a busy server, which can say nothing meanwhile.
func TestServerOfDividereMayBeBusyForLong(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("w > <Heartbeat w>", "c > hi", "w < e-1||hi")
	s.Wait(10 * time.Minute)
	s.Said = nil // heartbeats, which it answers later
	s.Play("w > e-1||HI", "c < HI", "w > <Heartbeat w>", "w > <Heartbeat w>")
	s.Wait(2999 * time.Millisecond)
	s.Said = nil
	if !s.Desk.Registered(s.Peer("w")) {
		t.Fatal("it is thought dead")
	}
	s.Wait(time.Millisecond)
	if s.Desk.Registered(s.Peer("w")) {
		t.Fatal("it is idle, silent and not thought dead")
	}
}

// A program of dīvidere's without its worker takes a heartbeat for a request, and ends: it
// gets none that it does not need.
func TestWorkerThatWasHeardJustNowGetsAHeartbeatOnlyIfItSaysNothingMore(t *testing.T) {
	for _, beat := range []string{"\x02", "HEARTBEAT", "<Heartbeat w>"} {
		s := newStage(t, desk.Limits{})
		s.Dialects = pair(pirate.Front("echo"), pirate.Back("echo", time.Hour, liveness))
		s.Play(
			"w > "+beat, "probe", "+499ms", "probe",
			"w > "+beat, "+1m", // it said something since
			"probe", "w < "+beat, "+1m",
			"w > "+beat, "probe", "+1750ms", "+250ms", "w < "+beat, // it did not
			"+1m",
		)
	}
}

// A server of dīvidere's that leaves a request unanswered says heartbeats, and is asked
// again, for it has one thread.
func TestServerOfDividereThatLeavesARequestUnansweredIsAskedAgain(t *testing.T) {
	s := newStage(t, desk.Limits{Expiry: time.Minute})
	s.Play(
		"w > <Heartbeat w>",
		"c > hi", "w < e-1||hi",
		"+750ms", "w < <Heartbeat w>", "w > <Heartbeat w>",
		"+750ms", "w < <Heartbeat w>",
		"c > hi again", // as its client does
		"w > <Heartbeat w>", "w < e-2||hi again",
		"w > e-2||HI", "c < HI",
		"c > ho", "w < e-3||ho",
		"w > e-1||late", "c < late",
		"w > e-3||HO", "c < HO",
		"c > no", "w < e-4||no",
		"w > <Heartbeat w>", "w > <Heartbeat w>", // the first may have been under way
	)
	s.Wait(time.Minute)
	if l := s.Desk.Load(); l.Calls != 0 || l.InFlight != 0 {
		t.Errorf("got %+v", l)
	}
}

// Heartbeats that a server said before it got its request do not mean that it is idle:
// the answers to all that the broker said while it was busy, and one of its own.
func TestHeartbeatsThatAreUnderWayDoNotMeanThatAServerIsIdle(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("w > <Heartbeat w>", "c > a", "w < e-1||a", "c > b",
		"+750ms", "w < <Heartbeat w>", "+750ms", "w < <Heartbeat w>", "+750ms", "w < <Heartbeat w>",
		"w > e-1||A", "c < A", "w < e-2||b",
		"w > <Heartbeat w>", "w > <Heartbeat w>", "w > <Heartbeat w>", "w > <Heartbeat w>",
		"c > c",             // which waits
		"w > <Heartbeat w>", // said since
		"w < e-3||c",
	)
}

// Workers of other kinds may say heartbeats while they work.
func TestHeartbeatOfAPirateDoesNotMeanThatItIsIdle(t *testing.T) {
	newStage(t, desk.Limits{}).Play(
		"v > \x01", "c > hi", "v < e-1||hi", "c > ho", "v > \x02", "v > \x02", "v > \x02",
		"w > READY", "w < e-2||ho", "c > hum", "w > HEARTBEAT", "w > HEARTBEAT", "w > HEARTBEAT",
	)
}

// The broker's next run knows nobody, and what workers have in their hands is of
// nothing there.
func TestWorkersOfAFormerRunComeBack(t *testing.T) {
	newStage(t, desk.Limits{}).Play(
		"v > \x02", "w > <Heartbeat w>", "u > |f-7||HI",
		"c > |a", "v < e-1||a",
		"c > |b", "w < e-2||b",
		"c > |c", "u < |e-3||c",
		"v > f-7||late",
		"v > e-1||A", "c < |A",
	)
}

func TestFullBrokerSaysSo(t *testing.T) {
	newStage(t, desk.Limits{Queue: 2}).Play(
		"c > |1", "c > 2",
		"c > |3", "c < |<RESOURCE_EXHAUSTED>",
		"c > far||4", "c < far||<RESOURCE_EXHAUSTED>",
		"c > 5", "c < <RESOURCE_EXHAUSTED>",
		"+30s", // in silence
		"c > |6",
	)
}

func TestStoppingBrokerSaysSo(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("w > \x01", "c > |a", "w < e-1||a", "c > b")
	s.Perform(s.Desk.End(0))
	s.Play("c < <UNAVAILABLE>", "c < |<UNAVAILABLE>", "c > |c", "c < |<UNAVAILABLE>")
}

func TestPoisonedRequestEnds(t *testing.T) {
	newStage(t, desk.Limits{}).Play(
		"u > \x01", "v > \x01", "w > \x01",
		"c > |die", "u < e-1||die",
		"u gone", "v < e-2||die",
		"v gone", "w < e-3||die",
		"w gone", "c < |<INTERNAL>",
	)
}

// A name belongs to whom it was given last. The other one does not win it back with
// each heartbeat.
func TestWorkerWhoseNameAnotherHasIsReadyByREADYAlone(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Speakers[s.Peer("v")] = s.Dialects(backSocket)[0].Open(s.Desk, s.Peer("v"))
	s.Play("w > \x01", "c > |hi", "w < e-1||hi")
	s.Perform(s.Desk.Ready(s.Now, s.Peer("v"), desk.Offer{Name: "w", Services: []string{"other"}}))
	s.Play("w > \x02", "w > e-1||HI", "w > \x02")
	if s.Desk.Registered(s.Peer("w")) || !s.Desk.Registered(s.Peer("v")) {
		t.Fatal("the name went back")
	}
	s.Play("w > \x01", "w < e-2||hi")
	if !s.Desk.Registered(s.Peer("w")) || s.Desk.Registered(s.Peer("v")) {
		t.Fatal("the name did not go to who said READY")
	}
	s.Play("+3s", "w < \x02", "w < \x02", "w < \x02", "w > \x02", "w < e-3||hi") // as any other from then on
}

// A routing id may come back as a worker of another kind.
func TestTheLastCommandTellsTheKind(t *testing.T) {
	newStage(t, desk.Limits{}).Play(
		"w > \x01", "+750ms", "w < \x02",
		"w > <Heartbeat w>", "+750ms", "w < <Heartbeat w>",
		"w ! |\x02", "w > e-9||late", "+750ms", "w < <Heartbeat w>", // but not one that is none
		"w > |\x01", "c > |hi", "w < |e-1||hi",
		"w > \x01", "w < e-2||hi",
		"w > e-2||HI", "c < |HI",
		"+750ms", "w < \x02",
	)
}

func TestReservedServiceIsNotServed(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Dialects = reserved()
	s.Play("w > \x01", "c > |hi", "c < |<UNIMPLEMENTED>", "+1m")
	if l := s.Desk.Load(); l.Workers != 0 {
		t.Fatalf("got %+v", l)
	}
}

func TestRepeatedNamesOfDeadWorkersAreNotKept(t *testing.T) {
	s := newStage(t, desk.Limits{Workers: 3})
	for _, name := range strings.Split("abdefgh", "") {
		s.Play(name + " > \x01")
		s.Wait(3 * heartbeat)
		s.Said = nil
	}
	if l := s.Desk.Load(); l.Workers != 0 || l.Services != 0 {
		t.Fatalf("got %+v", l)
	}
}
