package pirate_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	dialectv1 "github.com/mittere/mittere/gen/mittere/dialect/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
	"github.com/mittere/mittere/service/broker/internal/dialect/pirate"
)

// reserved returns the dialects of a pair with a name that is the broker's own.
func reserved() func(socket int) []dialect.Dialect {
	return pair(pirate.Front("mmi.echo"), pirate.Back("mmi.echo", heartbeat, liveness))
}

func TestFirstMessagesOfClientsAndWorkers(t *testing.T) {
	front, back := pirate.Front("echo"), pirate.Back("echo", 0, 0)
	if front.Name() != "pirate client" || back.Name() != "pirate worker" {
		t.Fatalf("got %q, %q", front.Name(), back.Name())
	}
	for message, want := range map[string][2]bool{
		"|hi":            {true, false},
		"hi":             {true, false},
		"a|b":            {true, false},
		"a||b":           {true, false},
		"":               {false, false},
		"|":              {true, false}, // a body of one empty frame
		"a|":             {false, false},
		"\x01":           {true, true},
		"\x02":           {true, true},
		"\x03":           {true, false},
		"\x01\x01":       {true, false},
		"<Heartbeat w>":  {true, true},
		"|\x01":          {true, true},
		"|\x02":          {true, false},
		"READY":          {true, true},
		"HEARTBEAT":      {true, true},
		"|READY":         {true, true},
		"|HEARTBEAT":     {true, false},
		"ready":          {true, false},
		"READY ":         {true, false},
		"|<Heartbeat w>": {true, false},
		"|e-1||hi":       {true, true},
		"|e-1|hi":        {true, false},
	} {
		if got := [2]bool{front.Speaks(frames(message)), back.Speaks(frames(message))}; got != want {
			t.Errorf("%q: got %v, want %v", message, got, want)
		}
	}
	if front.Speaks(nil) || back.Speaks(nil) {
		t.Error("a message of no frames")
	}
}

// The bytes are those that dīvidere 2.2 writes.
func TestHeartbeatIsDividereOwn(t *testing.T) {
	for id, want := range map[string]string{
		"w": "0a0948656172746265617412240a1d747970652e676f6f676c65617069732e636f6d2f48656172746265617412030a0177",
		"6e2e7b1c-3f60-4f0a-9a1e-6a36fb6d4a11": "0a0948656172746265617412470a1d747970652e676f6f676c65617069732e636f6d2f486561727462656174" +
			"12260a2436653265376231632d336636302d346630612d396131652d366133366662366434613131",
		dialecttest.Binary: "0a09486561727462656174121f0a1d747970652e676f6f676c65617069732e636f6d2f486561727462656174",
	} {
		s := newStage(t, desk.Limits{})
		at := desk.Peer{Socket: backSocket, ID: id}
		if err := s.Hear(at, [][]byte{unhex(t, want)}); err != nil || !s.Desk.Registered(at) {
			t.Fatalf("%q: %v", id, err)
		}
		if got := s.Speakers[at].Write(desk.Heartbeat{To: at}); len(got) != 1 || !bytes.Equal(got[0], unhex(t, want)) {
			t.Errorf("%q: got %x, want %s", id, got, want)
		}
	}
}

// What begins as a Heartbeat of dīvidere's does, and is none, registers nobody.
func TestOnlyAHeartbeatIsOne(t *testing.T) {
	good := dividereHeartbeat("w")
	for _, bad := range []string{
		good[:len(good)-1], good[:11], good + "\x0a", strings.ReplaceAll(good, "Heartbeat", "Heartbeet"),
		strings.Replace(good, "Heartbeat", "Heartbeet", 1),
	} {
		if pirate.Back("echo", 0, 0).Speaks([][]byte{[]byte(bad)}) {
			t.Errorf("%q", bad)
		}
	}
}

func TestHeartbeatIsAnArgument(t *testing.T) {
	for _, test := range []struct {
		interval           time.Duration
		liveness           int
		heartbeat, patient time.Duration
	}{
		{0, 0, time.Second, 3 * time.Second},
		{-1, -1, time.Second, 3 * time.Second},
		{2 * time.Second, 5, 2 * time.Second, 10 * time.Second},
		{time.Nanosecond, 1, 10 * time.Millisecond, 20 * time.Millisecond}, // the desk's least
		{1 << 62, 1 << 62, 24 * time.Hour, 48 * time.Hour},                 // its most
	} {
		s := newStage(t, desk.Limits{})
		s.Dialects = pair(pirate.Front("echo"), pirate.Back("echo", test.interval, test.liveness))
		s.Play("v > \x01", "w > <Heartbeat w>", "u > |\x01")
		views := s.Desk.Workers()
		for _, v := range views {
			if v.Offer.Heartbeat != test.heartbeat || v.Offer.Patience != test.patient {
				t.Errorf("%+v: got %v, %v", test, v.Offer.Heartbeat, v.Offer.Patience)
			}
		}
		if len(views) != 3 {
			t.Errorf("got %d workers", len(views))
		}
	}
}

func TestOfferIsWhatTheProtocolAssumes(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("w > \x01", "bin > |\x01")
	for _, name := range []string{"w", "00800041a7"} {
		v, ok := s.Desk.Worker(name)
		if o := v.Offer; !ok || o.Capacity != 1 || !o.Idempotent || o.Cancels || len(o.Services) != 1 || o.Services[0] != "echo" {
			t.Fatalf("%s: got %+v", name, o)
		}
	}
}

func TestWhatTheProtocolHasNoWordForIsNotSaid(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("c > |hi", "w > \x01", "w < e-1||hi", "u > |\x01")
	for _, name := range []string{"c", "w", "u"} {
		for _, a := range []desk.Action{
			desk.Accepted{}, desk.Item{}, desk.Event{}, desk.CancelDelivery{}, desk.CreditDelivery{}, desk.Disconnect{Status: &mitterev1.Status{}},
		} {
			if got := s.Speakers[s.Peer(name)].Write(a); got != nil {
				t.Errorf("%s, %T: got %q", name, a, got)
			}
		}
	}
	if got := s.Speakers[s.Peer("u")].Write(desk.Heartbeat{}); got != nil {
		t.Errorf("a heartbeat for a REQ: %q", got)
	}
	k, ok := s.Speakers[s.Peer("w")].(dialect.Keeper)
	if !ok || k.Drain() != nil || k.Bye() != nil {
		t.Error("a worker is no keeper, or is told that the broker stops")
	}
}

func TestAddressStackCountsAsPartOfTheRequest(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("c > |hi")
	before := s.Desk.Load().Bytes
	s.Play("c > " + strings.Repeat("x", 1000) + "|yy||hi")
	if got := s.Desk.Load().Bytes - before; got != before+1002 {
		t.Fatalf("%d bytes, and %d without a stack", got, before)
	}
}

func TestErrorIsAnEnvelopeOfAStatus(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("c > |hi")
	failed := &mitterev1.Status{Code: mitterev1.Code_CODE_ABORTED, Message: "no"}
	got := s.Speakers[s.Peer("c")].Write(desk.Reply{Tag: frames("a|"), Answer: desk.Answer{Status: failed}})
	want, err := messaging.Pack(failed)
	if err != nil || len(got) != 3 || string(got[0]) != "a" || len(got[1]) != 0 || !bytes.Equal(got[2], want.Append(nil)) {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestPeerMayBeForgottenWhenNothingIsKnownOfIt(t *testing.T) {
	s := newStage(t, desk.Limits{Expiry: 10 * time.Second})
	idle := func(name string, want bool) {
		t.Helper()
		if got := s.Speakers[s.Peer(name)].Idle(); got != want {
			t.Fatalf("%s: got %v", name, got)
		}
	}
	s.Play("c > |a", "c > |b")
	idle("c", false)
	s.Play("w > \x01", "w < e-1||a")
	idle("w", false)
	s.Play("w > e-1||A", "c < |A", "w < e-2||b")
	idle("c", false)
	s.Play("w > e-2||B", "c < |B")
	idle("c", true)
	idle("w", false)
	s.Play("c > |a", "w < e-3||a", "+3s", "w < \x02", "w < \x02", "w < \x02")
	idle("w", true)
	idle("c", false)
	s.Play("+10s")
	idle("c", true)
}

// A body is any frames here, and an envelope in protocols that have those.
func TestBodiesAcrossProtocols(t *testing.T) {
	envelope := func(frames ...string) []byte {
		wrapped := &dialectv1.Frames{}
		for _, frame := range frames {
			wrapped.Frames = append(wrapped.Frames, []byte(frame))
		}
		e, err := messaging.Pack(wrapped)
		if err != nil {
			t.Fatal(err)
		}
		return e.Append(nil)
	}
	plain := []byte(dividereHeartbeat("x"))
	s := newStage(t, desk.Limits{})
	s.Play("c > |hi", "w > \x01", "w < e-1||hi", "u > |\x01")
	for name, test := range map[string]struct {
		body []byte
		want string
	}{
		"wrapped": {envelope("a", "", "b"), "a||b"},
		"plain":   {plain, "<Heartbeat x>"},
	} {
		content := desk.Content{Head: &mitterev1.Request{}, Body: [][]byte{test.body}}
		for who, front := range map[string]string{"w": "e-7||", "u": "|e-7||"} {
			got := s.Message(s.Speakers[s.Peer(who)].Write(desk.Deliver{Delivery: 7, Request: &desk.Request{Content: content}}))
			if got != front+test.want {
				t.Errorf("%s, %s: got %q", name, who, got)
			}
		}
		content.Head = &mitterev1.Reply{}
		got := s.Message(s.Speakers[s.Peer("c")].Write(desk.Reply{Tag: frames("a|"), Answer: desk.Answer{Content: content}}))
		if got != "a||"+test.want {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if got := s.Message(s.Speakers[s.Peer("c")].Write(desk.Reply{Tag: [][]byte{{}}})); got != "|" {
		t.Errorf("a body of no frames: got %q", got)
	}
}

func TestMajordomoServesPiratesAndIsServed(t *testing.T) {
	newStage(t, desk.Limits{}).Play(
		"mw > |MDPW01|\x01|echo",
		"c > |a||b", "mw < |MDPW01|\x02|e-1||a||b",
		"mw > |MDPW01|\x03|e-1||A||B", "c < |A||B",
		"c > <Heartbeat c>", "mw < |MDPW01|\x02|e-2||<Heartbeat c>",
		"mw > |MDPW01|\x03|e-2||<Heartbeat m>", "c < <Heartbeat m>",
		"mw > |MDPW01|\x05",
		"w > \x01",
		"mc > |MDPC01|echo|a||b", "w < e-3||a||b",
		"w > e-3||A||B", "mc < |MDPC01|echo|A||B",
		"mc > |MDPC01|mmi.service|echo", "mc < |MDPC01|mmi.service|200",
		"mc > |MDPC01|mmi.workers|echo", "mc < |MDPC01|mmi.workers|w",
	)
}

func TestKindsServeTogether(t *testing.T) {
	newStage(t, desk.Limits{}).Play(
		"v > \x01", "w > <Heartbeat w>", "u > |\x01",
		"c1 > |1", "v < e-1||1",
		"c2 > 2", "w < e-2||2",
		"c3 > far||3", "u < |e-3||3",
		"u > |e-3||three", "c3 < far||three",
		"w > e-2||two", "c2 < two",
		"v > e-1||one", "c1 < |one",
	)
}
