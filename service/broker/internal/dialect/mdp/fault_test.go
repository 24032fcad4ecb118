package mdp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// The faults that other brokers of Majordomo have, most of which end the broker
// there.
func TestFaultsOfOtherBrokersAreNone(t *testing.T) {
	for name, script := range map[string][]string{
		"DISCONNECT of an idle worker": {
			"w > {READY}echo", "w > {DISCONNECT}", "+20s",
			"v > {READY}echo",
			"c > {C}echo|hi", "v < {REQUEST}e-1||hi",
		},
		"DISCONNECT of a busy worker": {
			"w > {READY}echo",
			"c > {C}echo|hi", "w < {REQUEST}e-1||hi",
			"w > {DISCONNECT}",
			"v > {READY}echo", "v < {REQUEST}e-2||hi",
		},
		"short messages": {
			"x ! ", "x ! |", "x ! ||", "x ! |||", "x ! |MDPC", "x ! |MDPC010", "x ! hello",
			"c ! |MDPC01", "c ! |MDPC01|", "c ! |MDPC01|echo",
			"d ! MDPC02", "d ! MDPC02|", "d ! MDPC02|\x01", "d ! MDPC02|\x01|", "d ! MDPC02|\x01|echo",
			"w ! |MDPW01", "w ! |MDPW01|", "w ! |MDPW01|\x01", "w ! |MDPW01|\x01|", "w ! |MDPW01|\x01|a|b",
			"w ! |MDPW01|\x02", "w ! |MDPW01|\x03", "w ! |MDPW01|\x03|", "w ! |MDPW01|\x03|e-1",
			"w ! |MDPW01|\x04|", "w ! |MDPW01|\x05|", "w ! |MDPW01|\x06", "w ! |MDPW01|\x00", "w ! |MDPW01|\x04\x04",
			"v ! MDPW02", "v ! MDPW02|", "v ! MDPW02|\x01", "v ! MDPW02|\x01|", "v ! MDPW02|\x01|a|b",
			"v ! MDPW02|\x02", "v ! MDPW02|\x03", "v ! MDPW02|\x04", "v ! MDPW02|\x04|", "v ! MDPW02|\x04|e-1",
			"v ! MDPW02|\x05|", "v ! MDPW02|\x06|", "v ! MDPW02|\x07", "v ! MDPW02|\x00", "v ! MDPW02|\x05\x05",
		},
		"several frames to mmi": {
			"c > {C}mmi.none|a|b|c", "c < {R}mmi.none|501",
		},
		"a reply of an idle worker": {
			"w > {READY}echo",
			"w > {FINAL}c||hi",
			"w > {FINAL}e-1||hi",
			"c > {C}echo|a", "w < {REQUEST}e-1||a",
			"c > {C}echo|b", // it is not idle twice
		},
		"a reply of another worker, or of a wrong token": {
			"w > {READY}echo", "v > {READY}echo",
			"c > {C}echo|hi", "w < {REQUEST}e-1||hi",
			"v > {FINAL}e-1||stolen",
			"w > {FINAL}||no", "w > {FINAL}e-01||no", "w > {FINAL}e-99||no", "w > {FINAL}f-1||no", "w > {FINAL}\x00\xff||no",
			"w > {FINAL}e-1||HI", "c < {R}echo|HI",
			"w > {FINAL}e-1||HI",
		},
		"5-byte binary routing ids": {
			"bin > {READY}echo",
			"c > {C}echo|hi", "bin < {REQUEST}e-1||hi",
			"bin > {FINAL}e-1||HI", "c < {R}echo|HI",
			"bin > {DISCONNECT}",
			"w > {READY}echo",
		},
		"service names of one byte": {
			"w > {READY}m",
			"c > {C}m|hi", "w < {REQUEST}e-1||hi",
		},
		"a client that speaks as a worker": {
			"c > {C}echo|hi",
			"c ! {READY}echo",
			"w > {READY}echo", "w < {REQUEST}e-1||hi",
			"w > {FINAL}e-1||HI", "c < {R}echo|HI",
		},
		"a worker that speaks as a client": {
			"w > {READY}echo",
			"w ! {C}echo|hi", "w < {DISCONNECT}",
		},
		"a peer that speaks another version": {
			"c > |MDPC01|echo|hi", "c ! MDPC02|\x01|echo|hi",
			"w > MDPW02|\x01|echo", "w < MDPW02|\x02|e-1||hi",
			"w ! |MDPW01|\x03|e-1||HI", "w < MDPW02|\x06",
		},
	} {
		t.Run(name, func(t *testing.T) { both(t, desk.Limits{}, script...) })
	}
}

// In other brokers a client that asks for nobody's services fills memory.
func TestFullBrokerSaysSo(t *testing.T) {
	both(t, desk.Limits{Queue: 2, Services: 20},
		"c > {C}a|1", "c > {C}a|2",
		"c > {C}a|3", "c < {R}a|<RESOURCE_EXHAUSTED>",
		"c > {C}b|1",
		"c > {C}d|1", "c < {R}d|<RESOURCE_EXHAUSTED>",
		"+30s", // in silence
		"c > {C}d|1",
	)
}

func TestStoppingBrokerSaysSo(t *testing.T) {
	for version := 1; version <= 2; version++ {
		s := newStage(t, desk.Limits{})
		s.Play(in(version, []string{"w > {READY}echo", "c > {C}echo|a", "w < {REQUEST}e-1||a", "c > {C}echo|b"})...)
		s.Perform(s.Desk.End(0))
		s.Play(in(version, []string{"w < {DISCONNECT}", "c < {R}echo|<UNAVAILABLE>", "c < {R}echo|<UNAVAILABLE>",
			"c > {C}echo|c", "c < {R}echo|<UNAVAILABLE>"})...)
	}
}

func TestWorkerThatDiesAmidItsAnswerIsToldToTheClient(t *testing.T) {
	newStage(t, desk.Limits{}).Play(
		"w > MDPW02|\x01|echo", "v > MDPW02|\x01|echo",
		"c > MDPC02|\x01|echo|hi", "w < MDPW02|\x02|e-1||hi",
		"w > MDPW02|\x03|e-1||part", "c < MDPC02|\x02|echo|part",
		"w > MDPW02|\x06", "c < MDPC02|\x03|echo|<UNAVAILABLE>",
	)
}

func TestVersionsServeEachOther(t *testing.T) {
	newStage(t, desk.Limits{}).Play(
		"old > |MDPW01|\x01|old", "new > MDPW02|\x01|new",
		"c2 > MDPC02|\x01|old|a|b", "old < |MDPW01|\x02|e-1||a|b",
		"old > |MDPW01|\x03|e-1||A|B", "c2 < MDPC02|\x03|old|A|B",
		"c1 > |MDPC01|new|a|b", "new < MDPW02|\x02|e-2||a|b",
		"new > MDPW02|\x03|e-2||part", // one reply to each request in MDP/0.1
		"new > MDPW02|\x04|e-2||A|B", "c1 < |MDPC01|new|A|B",
	)
}

// An asynchronous client has no number in a reply: it gets them as workers answer.
func TestRepliesComeInTheOrderOfTheWorkers(t *testing.T) {
	both(t, desk.Limits{},
		"w1 > {READY}echo", "w2 > {READY}echo",
		"c > {C}echo|1", "w1 < {REQUEST}e-1||1",
		"c > {C}echo|2", "w2 < {REQUEST}e-2||2",
		"w2 > {FINAL}e-2||two", "c < {R}echo|two",
		"w1 > {FINAL}e-1||one", "c < {R}echo|one",
	)
}

func TestDroppedRepliesAreCounted(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play(
		"w > |MDPW01|\x01|echo", "v > |MDPW01|\x01|echo",
		"c > |MDPC01|echo|hi", "w < |MDPW01|\x02|e-1||hi",
		"v > |MDPW01|\x03|e-1||stolen", "w > |MDPW01|\x03|c||no", "w > |MDPW01|\x03|f-1||no",
		"w > |MDPW01|\x03|e-1||HI", "c < |MDPC01|echo|HI",
		"w > |MDPW01|\x03|e-1||HI",
	)
	if c := s.Desk.Counters(); c.Foreign != 3 || c.Duplicates != 1 || c.Replies != 1 {
		t.Fatalf("got %+v", c)
	}
}

func TestRequestsOfADeadClientAreNotAnswered(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("w > |MDPW01|\x01|echo", "c > |MDPC01|echo|hi", "w < |MDPW01|\x02|e-1||hi")
	s.Perform(s.Desk.Gone(0, s.Peer("c")))
	delete(s.Speakers, s.Peer("c"))
	s.Play("w > |MDPW01|\x03|e-1||HI",
		"c > |MDPC01|echo|again", "w < |MDPW01|\x02|e-2||again",
		"w > |MDPW01|\x03|e-2||AGAIN", "c < |MDPC01|echo|AGAIN")
}

func TestManyRequestsOfManyClients(t *testing.T) {
	s := newStage(t, desk.Limits{})
	for i := range 5 {
		s.Play(fmt.Sprintf("w%d > |MDPW01|\x01|echo", i))
	}
	for i := range 5 {
		s.Play(fmt.Sprintf("c%d > |MDPC01|echo|%d", i, i), fmt.Sprintf("w%d < |MDPW01|\x02|e-%d||%d", i, i+1, i))
	}
	for i := 4; i >= 0; i-- {
		s.Play(fmt.Sprintf("w%d > |MDPW01|\x03|e-%d||r%d", i, i+1, i), fmt.Sprintf("c%d < |MDPC01|echo|r%d", i, i))
	}
	s.Wait(time.Second)
	if l := s.Desk.Load(); l.Calls != 0 || l.InFlight != 0 {
		t.Fatalf("got %+v", l)
	}
}
