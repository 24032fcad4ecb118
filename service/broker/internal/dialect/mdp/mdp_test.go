package mdp_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
	"github.com/mittere/mittere/service/broker/internal/dialect/mdp"
)

func TestDialectIsKnownByItsHeader(t *testing.T) {
	one, two := mdp.V1(), mdp.V2()
	if one.Name() != "MDP/0.1" || two.Name() != "MDP/0.2" {
		t.Fatalf("got %q, %q", one.Name(), two.Name())
	}
	for message, want := range map[string][2]bool{
		"|MDPC01|echo|hi":     {true, false},
		"|MDPW01|\x01|echo":   {true, false},
		"|MDPC01":             {true, false}, // which is short
		"MDPC02|\x01|echo|hi": {false, true},
		"MDPW02|\x01|echo":    {false, true},
		"MDPW02":              {false, true},
		"MDPC01|echo|hi":      {},
		"MDPW01|\x01|echo":    {},
		"|MDPC02|\x01|echo":   {false, true}, // of programs that are not the RFC's
		"|MDPW02|\x01|echo":   {false, true},
		"||MDPC02|\x01|echo":  {},
		"||MDPC01|echo|hi":    {},
		"|MDPC03|echo|hi":     {},
		"|MDPC01 |echo|hi":    {},
		"|mdpc01|echo|hi":     {},
		"":                    {},
		"|":                   {},
		"\x08\x01":            {},
	} {
		if got := [2]bool{one.Speaks(dialecttest.Frames(message)), two.Speaks(dialecttest.Frames(message))}; got != want {
			t.Errorf("%q: got %v, want %v", message, got, want)
		}
	}
	if one.Speaks(nil) || two.Speaks(nil) {
		t.Error("a message of no frames")
	}
}

func TestErrorIsAnEnvelopeOfAStatus(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("c > |MDPC01|echo|hi")
	got := s.Speakers[s.Peer("c")].Write(desk.Reply{Tag: "echo", Answer: desk.Answer{
		Status: &mitterev1.Status{Code: mitterev1.Code_CODE_ABORTED, Message: "no"},
	}})
	want := "0a116d6974746572652e76312e537461747573" + // "mittere.v1.Status"
		"122f0a25" + hex.EncodeToString([]byte("type.googleapis.com/mittere.v1.Status")) + "1206080a12026e6f"
	if len(got) != 4 || hex.EncodeToString(got[3]) != want || s.Message(got) != "|MDPC01|echo|<ABORTED>" {
		t.Fatalf("got %x, want %s", got, want)
	}
	bad := s.Speakers[s.Peer("c")].Write(desk.Reply{Tag: "echo", Answer: desk.Answer{
		Status: &mitterev1.Status{Code: mitterev1.Code_CODE_ABORTED, Message: "\xff"},
	}})
	if s.Message(bad) != "|MDPC01|echo|<ABORTED>" {
		t.Fatalf("got %q", bad)
	}
}

func TestExpiredRequestsHaveNoAnswer(t *testing.T) {
	s := newStage(t, desk.Limits{Expiry: time.Second})
	s.Play("c > |MDPC01|echo|hi", "d > MDPC02|\x01|echo|hi", "+1s")
	if c := s.Desk.Counters(); c.Expired != 2 {
		t.Fatalf("got %+v", c)
	}
}

func TestWhatTheProtocolHasNoWordForIsNotSaid(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("c > |MDPC01|echo|hi", "w > MDPW02|\x01|other")
	for _, a := range []desk.Action{desk.Accepted{}, desk.Event{}, desk.CancelDelivery{}, desk.CreditDelivery{}, desk.Item{Tag: "echo"}} {
		if got := s.Speakers[s.Peer("c")].Write(a); got != nil {
			t.Errorf("%T: got %q", a, got)
		}
	}
}

// A body of no frames, which only other dialects can bring, is one empty frame.
func TestBodyHasAFrame(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("w > MDPW02|\x01|echo", "v > |MDPW01|\x01|echo", "c > |MDPC01|none|hi", "d > MDPC02|\x01|none|hi")
	for name, a := range map[string]desk.Action{
		"w MDPW02|\x02|e-7||":   desk.Deliver{Delivery: 7, Request: &desk.Request{}},
		"v |MDPW01|\x02|e-7||":  desk.Deliver{Delivery: 7, Request: &desk.Request{}},
		"c |MDPC01|none|":       desk.Reply{Tag: "none"},
		"d MDPC02|\x03|none|":   desk.Reply{Tag: "none"},
		"d MDPC02|\x02|none|  ": desk.Item{Tag: "none"},
	} {
		who, want, _ := strings.Cut(strings.TrimRight(name, " "), " ")
		if got := s.Message(s.Speakers[s.Peer(who)].Write(a)); got != want {
			t.Errorf("%s, %T: got %q, want %q", who, a, got, want)
		}
	}
}

func TestHeartbeatIsAnOption(t *testing.T) {
	for _, test := range []struct {
		interval           time.Duration
		liveness           int
		heartbeat, patient time.Duration
	}{
		{0, 0, 2500 * time.Millisecond, 7500 * time.Millisecond},
		{-1, -1, 2500 * time.Millisecond, 7500 * time.Millisecond},
		{time.Second, 5, time.Second, 5 * time.Second},
		{time.Nanosecond, 1, 10 * time.Millisecond, 20 * time.Millisecond}, // the desk's least
		{1 << 62, 1 << 62, 24 * time.Hour, 48 * time.Hour},                 // its most
	} {
		s := newStage(t, desk.Limits{}, mdp.WithHeartbeat(test.interval, test.liveness))
		s.Play("w1 > |MDPW01|\x01|echo", "w2 > MDPW02|\x01|echo")
		for _, v := range s.Desk.Workers() {
			if v.Offer.Heartbeat != test.heartbeat || v.Offer.Patience != test.patient {
				t.Errorf("%+v: got %v, %v", test, v.Offer.Heartbeat, v.Offer.Patience)
			}
		}
	}
}

func TestWorkerIsNamedByItsRoutingID(t *testing.T) {
	long := strings.Repeat("\x00", 200)
	for id, want := range map[string]string{
		"worker 1":               "worker 1",
		"wörker":                 "wörker",
		dialecttest.Binary:       "00800041a7",
		"a\nb":                   "610a62",
		strings.Repeat("x", 255): strings.Repeat("x", 255),
		long:                     "", // a hash
	} {
		s := newStage(t, desk.Limits{})
		if err := s.Hear(desk.Peer{ID: id}, dialecttest.Frames("|MDPW01|\x01|echo")); err != nil {
			t.Fatal(err)
		}
		views := s.Desk.Workers()
		if len(views) != 1 || id != long && views[0].Offer.Name != want || id == long && len(views[0].Offer.Name) != 64 {
			t.Errorf("%q: got %+v", id, views)
		}
	}
}

func TestOfferIsWhatTheProtocolAssumes(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("w > |MDPW01|\x01|echo")
	v, _ := s.Desk.Worker("w")
	if o := v.Offer; o.Capacity != 1 || !o.Idempotent || o.Cancels || len(o.Services) != 1 || o.Services[0] != "echo" {
		t.Fatalf("got %+v", o)
	}
}

func TestPeerMayBeForgottenWhenNothingIsKnownOfIt(t *testing.T) {
	s := newStage(t, desk.Limits{})
	idle := func(name string, want bool) {
		t.Helper()
		if got := s.Speakers[s.Peer(name)].Idle(); got != want {
			t.Fatalf("%s: got %v", name, got)
		}
	}
	s.Play("c > |MDPC01|mmi.service|echo", "c < |MDPC01|mmi.service|404", "w > |MDPW01|\x05")
	idle("c", true)
	idle("w", true)
	s.Play("c > |MDPC01|echo|a", "c > |MDPC01|none|b", "w > |MDPW01|\x01|echo", "w < |MDPW01|\x02|e-1||a")
	idle("w", false)
	s.Play("w > |MDPW01|\x03|e-1||A", "c < |MDPC01|echo|A")
	idle("c", false)
	idle("w", false)
	s.Play("w > |MDPW01|\x05", "+30s")
	idle("c", true) // the other one expired
	idle("w", true)
}

// MDP/0.2 has no means to ask for more PARTIALs, and MDP/0.1 has no PARTIAL: workers
// of other protocols, who wait for credit, must be told so.
func TestCreditIsWhatTheProtocolCanTake(t *testing.T) {
	for message, want := range map[string]uint32{"|MDPC01|echo|hi": 0, "MDPC02|\x01|echo|hi": 1<<31 - 1} {
		s := newStage(t, desk.Limits{})
		native := desk.Peer{ID: "native"}
		s.Desk.Ready(0, native, desk.Offer{Name: "native", Services: []string{"echo"}})
		i := 0
		if !s.Dialects(0)[i].Speaks(dialecttest.Frames(message)) {
			i = 1
		}
		actions, _, err := s.Dialects(0)[i].Open(s.Desk, s.Peer("c")).Read(0, dialecttest.Frames(message))
		if err != nil || len(actions) != 1 {
			t.Fatalf("got %v, %v", actions, err)
		}
		got, _ := actions[0].(desk.Deliver)
		if got.Request.Credit != want || got.Request.Repeat != desk.RepeatUnsaid || got.To != native {
			t.Fatalf("%q: got %+v", message, got)
		}
	}
}

func TestServiceHasANameOf255BytesAtMost(t *testing.T) {
	longest := strings.Repeat("x", 255)
	both(t, desk.Limits{},
		"w > {READY}"+longest,
		"c > {C}"+longest+"|hi", "w < {REQUEST}e-1||hi",
		"c ! {C}"+longest+"x|hi",
		"v ! {READY}"+longest+"x",
	)
}

func TestListsOfManagementLeaveOutTheBrokersOwnWorker(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Desk.Ready(0, desk.Peer{ID: "own"}, desk.Offer{Name: "own", Services: []string{"mittere.v1.Broker"}, Own: true})
	s.Play(
		"w > |MDPW01|\x01|echo",
		"c > |MDPC01|mmi.services|", "c < |MDPC01|mmi.services|echo",
		"c > |MDPC01|mmi.workers|", "c < |MDPC01|mmi.workers|w",
		"c > |MDPC01|mmi.workers|mittere.v1.Broker", "c < |MDPC01|mmi.workers|own",
		"c > |MDPC01|mmi.service|mittere.v1.Broker", "c < |MDPC01|mmi.service|200",
	)
}
