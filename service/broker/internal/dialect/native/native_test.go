package native_test

import (
	"crypto/sha256"
	"maps"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
	"github.com/mittere/mittere/service/broker/internal/dialect/native"
)

func TestDialectIsKnownByItsFirstByte(t *testing.T) {
	d := native.New()
	if d.Name() != "mittere/1" {
		t.Errorf("the name is %q", d.Name())
	}
	for _, c := range []struct {
		frames []string
		want   bool
	}{
		{[]string{"\x08\x01\x12\x00"}, true},
		{[]string{"\x08\x01"}, true}, // which is short
		{[]string{"\x08\x02"}, true}, // of another version
		{[]string{"", "\x08\x01"}, true},
		{[]string{"\x08\x01\x2a\x00", "\x0a"}, true},
		{[]string{"\x08"}, false}, // may be anything
		{[]string{"\x0a\x01"}, false},
		{[]string{"", "", "\x08\x01"}, false},
		{[]string{"id", "", "\x08\x01"}, false},
		{[]string{""}, false},
		{nil, false},
	} {
		var frames [][]byte
		for _, f := range c.frames {
			frames = append(frames, []byte(f))
		}
		if got := d.Speaks(frames); got != c.want {
			t.Errorf("%q: got %v", c.frames, got)
		}
	}
}

func TestRequestGoesToAWorkerAndItsAnswerComesBack(t *testing.T) {
	s := newStage(t)
	s.client("c")
	s.mustAsk("c", 5) // before there is a worker
	s.hello("w", mitterev1.Role_ROLE_WORKER)
	s.ready("w") // which offers nothing
	s.want("w < Disconnect INVALID_ARGUMENT")
	s.hello("w", mitterev1.Role_ROLE_WORKER)
	s.ready("w", "echo")
	s.want("w < Request 1 echo  hi")
	s.must("w", &mitterev1.Reply{Call: 1, Instance: "forged", WaitedNano: 3, ExecutedNano: 4}, "HI")
	s.want("c < Reply 5 of w HI")
	if k := s.last.Kind.(*mitterev1.Reply); k.GetWaitedNano() != 3 || k.GetExecutedNano() != 4 {
		t.Errorf("got %v", k)
	}
	s.must("w", &mitterev1.Reply{Call: 1}, "again")
	s.must("w", &mitterev1.Reply{Call: 99}, "of nobody")
	s.want()
	if c := s.Desk.Counters(); c.Duplicates != 1 || c.Foreign != 1 || c.Answered != 1 {
		t.Errorf("counted %+v", c)
	}
}

func TestWorkerIsToldWhatTheClientSaid(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	metadata := map[string]string{"user": "me"}
	key := &mitterev1.Key{Instance: []byte("instance of c"), Number: 8, Settled: 7}
	s.mustAsk("c", 3, func(k *mitterev1.Request) {
		k.Method, k.Metadata, k.Traceparent, k.Tracestate, k.Key = "a.S/M", metadata, "parent", "state", key
		k.Attempt, k.Credit, k.TimeoutNano, k.WaitNano, k.Idempotency = 4, 2, 1000, 500, mitterev1.Idempotency_IDEMPOTENCY_NO_SIDE_EFFECTS
	})
	s.want("w < Request 1 echo a.S/M hi")
	sum := sha256.Sum256(key.GetInstance()) // by which nobody can pass for the client
	alias := &mitterev1.Key{Instance: sum[:16], Number: 8, Settled: 7}
	got, want := s.request(), &mitterev1.Request{
		Call: 1, Session: s.sessions["w"], Key: alias, Service: "echo", Method: "a.S/M", TimeoutNano: 1000, WaitNano: 500, SentAtNano: int64(s.Now) + 1,
		Attempt: 4, Credit: 2, Idempotency: mitterev1.Idempotency_IDEMPOTENCY_NO_SIDE_EFFECTS, Traceparent: "parent", Tracestate: "state", Metadata: metadata,
	}
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestKeysOfOtherClientsAreNotPassedOn(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	s.mustAsk("c", 3, func(k *mitterev1.Request) {
		k.Key = &mitterev1.Key{Instance: []byte("instance of d"), Number: 8}
	})
	if got := s.request().GetKey(); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestRequestWithoutAServiceIsForThatOfItsMethod(t *testing.T) {
	s := newStage(t)
	s.worker("w", "calc.v1.Calculator")
	s.client("c")
	s.mustAsk("c", 1, func(k *mitterev1.Request) { k.Service, k.Method = "", "calc.v1.Calculator/Add" })
	s.want("w < Request 1 calc.v1.Calculator calc.v1.Calculator/Add hi")
	s.mustAsk("c", 2, func(k *mitterev1.Request) { k.Service = "" })
	s.want("c < Reply 2 of b INVALID_ARGUMENT refused")
}

func TestBodyIsNeitherCopiedNorLookedAt(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	large := append([]byte("no envelope at all"), make([]byte, 10_000)...)
	for _, size := range []int{0, 10, len(large)} {
		frames, err := (&messaging.Command{Kind: &mitterev1.Request{Call: 1, Session: s.sessions["c"], Service: "echo"}, Body: large[:size]}).Frames()
		if err != nil {
			t.Fatal(err)
		}
		whole := frames[len(frames)-1]
		actions, _, err := s.Speakers[peer("c")].Read(s.Now, frames)
		if err != nil || len(actions) != 1 {
			t.Fatalf("got %v, %v", actions, err)
		}
		content := actions[0].(desk.Deliver).Request.Content
		body := content.Body[0]
		if len(body) != size || size > 0 && &body[size-1] != &whole[len(whole)-1] {
			t.Errorf("a body of %d bytes, want the %d that came", len(body), size)
		}
		if content.HeadSize == 0 || content.HeadSize > 40 {
			t.Errorf("a head of %d bytes", content.HeadSize)
		}
		sent := s.Speakers[peer("w")].Write(actions[0])
		if c, err := command.Decode(sent); err != nil || len(c.Body) != size || c.Body == nil {
			t.Errorf("the worker got %d bytes, %v", len(c.Body), err)
		}
		s.must("w", &mitterev1.Reply{Call: actions[0].(desk.Deliver).Delivery}, "HI")
	}
}

func TestRequestWithoutAnEnvelopeIsRefused(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	if err := s.say("c", &mitterev1.Request{Call: 1, Session: s.sessions["c"], Service: "echo"}); messaging.CodeOf(err) != messaging.InvalidArgument {
		t.Errorf("the error is %v", err)
	}
	s.want("c < Reply 1 of b INVALID_ARGUMENT refused")
}

func TestOneWayRequestsAreNeverAnswered(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	oneWay := func(k *mitterev1.Request) { k.OneWay = true }
	s.mustAsk("c", 1, oneWay)
	s.want("w < Request 1 echo  hi")
	if s.request().GetOneWay() {
		t.Error("the worker would not say when it has done")
	}
	s.must("w", &mitterev1.Item{Call: 1, Index: 1}, "H")
	s.must("w", &mitterev1.Reply{Call: 1}, "HI")
	s.want()
	s.mustAsk("c", 2, oneWay, func(k *mitterev1.Request) { k.Service = "" })
	s.want()
	s.mustAsk("c", 3, oneWay, func(k *mitterev1.Request) { k.Session++ })
	s.want("c < Disconnect UNAVAILABLE")
}

func TestErrorsPassAsTheyCame(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	s.mustAsk("c", 1)
	s.must("w", &mitterev1.Reply{Call: 1, Status: &mitterev1.Status{Code: mitterev1.Code_CODE_NOT_FOUND, Message: "no"}, ExecutedNano: 9}, "ignored")
	s.want("w < Request 1 echo  hi", "c < Reply 1 of w NOT_FOUND")
	if k := s.last.Kind.(*mitterev1.Reply); k.GetStatus().GetMessage() != "no" || k.GetExecutedNano() != 9 {
		t.Errorf("got %v", k)
	}
	// A status without a code is a success, and cannot be refused.
	s.mustAsk("c", 2)
	s.must("w", &mitterev1.Reply{Call: 2, Status: &mitterev1.Status{}, Refused: true}, "HI")
	s.want("w < Request 2 echo  hi", "c < Reply 2 of w HI")
}

func TestRefusedRequestGoesToAnotherWorkerAsTheSameAttempt(t *testing.T) {
	for idempotency, attempts := range map[mitterev1.Idempotency][2]uint32{
		mitterev1.Idempotency_IDEMPOTENCY_UNSPECIFIED: {2, 2}, // else it would be taken for one that was executed
		mitterev1.Idempotency_IDEMPOTENCY_IDEMPOTENT:  {2, 3},
	} {
		s := newStage(t)
		s.worker("w", "echo")
		s.worker("v", "echo")
		s.client("c")
		s.mustAsk("c", 1, func(k *mitterev1.Request) { k.Idempotency, k.Attempt = idempotency, 2 })
		s.want("w < Request 1 echo  hi")
		first := s.request().GetAttempt()
		s.must("w", &mitterev1.Reply{Call: 1, Refused: true, Status: &mitterev1.Status{Code: mitterev1.Code_CODE_UNAVAILABLE}})
		s.want("v < Request 2 echo  hi")
		if got := [2]uint32{first, s.request().GetAttempt()}; got != attempts {
			t.Errorf("%v: attempts %v, want %v", idempotency, got, attempts)
		}
	}
}

func TestTargetsAreAnsweredApart(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.worker("v", "echo")
	s.client("c")
	s.mustAsk("c", 1, func(k *mitterev1.Request) {
		k.Target = &mitterev1.Target{Kind: mitterev1.Target_KIND_NAMED, Names: []string{"w", "x", "v"}}
		k.Credit = 5
	})
	s.want("c < Accepted 1 [w v] not [x]", "w < Request 1 echo  hi", "v < Request 2 echo  hi")
	s.must("v", &mitterev1.Item{Call: 2, Index: 1}, "V")
	s.must("w", &mitterev1.Item{Call: 1, Index: 1}, "W")
	s.must("v", &mitterev1.Reply{Call: 2, Index: 1})
	s.want("c < Item 1 #1 of v V", "c < Item 1 #1 of w W", "c < Reply 1 of v more #1")
	s.must("w", &mitterev1.Disconnect{})
	s.want("c < Reply 1 of w UNAVAILABLE #1")
	s.mustAsk("c", 2, func(k *mitterev1.Request) { k.Target = &mitterev1.Target{Kind: mitterev1.Target_KIND_ALL} })
	s.want("c < Accepted 2 [v] not []", "v < Request 3 echo  hi")
	s.mustAsk("c", 3, func(k *mitterev1.Request) { k.Target = &mitterev1.Target{Kind: 9} })
	s.want("c < Reply 3 of b INVALID_ARGUMENT refused")
}

func TestWorkerThatHasAnsweredAllLosesNothing(t *testing.T) {
	for _, refused := range []bool{true, false} {
		s := newStage(t)
		s.worker("w", "echo")
		s.worker("v", "echo")
		s.client("c")
		s.mustAsk("c", 1)
		s.want("w < Request 1 echo  hi")
		s.must("w", &mitterev1.Disconnect{Refused: refused})
		if refused {
			s.want("v < Request 2 echo  hi")
		} else {
			s.want("c < Reply 1 of w UNAVAILABLE")
		}
	}
}

// What a client does is not its own to say.
func TestClientThatLeavesHasItsRequestsCancelled(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	s.mustAsk("c", 1)
	s.want("w < Request 1 echo  hi")
	s.must("c", &mitterev1.Disconnect{Refused: true})
	s.want("w < Cancel 1")
}

func TestCreditGoesToTheWorkerThatItNames(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.worker("v", "echo")
	s.client("c")
	s.mustAsk("c", 1, func(k *mitterev1.Request) {
		k.Target, k.Credit = &mitterev1.Target{Kind: mitterev1.Target_KIND_ALL}, 5
	})
	s.want("c < Accepted 1 [v w] not []", "v < Request 1 echo  hi", "w < Request 2 echo  hi")
	s.must("c", &mitterev1.Credit{Call: 1, Items: 3, Instance: "w"})
	s.want("w < Credit 2 +3")
	s.must("c", &mitterev1.Credit{Call: 1, Items: 4, Instance: "x"})
	s.want()
	s.must("c", &mitterev1.Credit{Call: 1, Items: 2})
	s.want("v < Credit 1 +2", "w < Credit 2 +2")
}

// A name counts with a target only: else the client was not told who has the request.
func TestCreditWithoutATargetNamesNobody(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	s.mustAsk("c", 1, func(k *mitterev1.Request) { k.Credit = 5 })
	s.must("c", &mitterev1.Credit{Call: 1, Items: 2, Instance: "x"})
	s.want("w < Request 1 echo  hi", "w < Credit 1 +2")
}

func TestDuplicateCallDoesNotDisturbAStream(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	stream := func(k *mitterev1.Request) { k.Credit = 2 }
	s.mustAsk("c", 1, stream)
	s.mustAsk("c", 1, stream)
	s.want("w < Request 1 echo  hi", "c < Reply 1 of b INVALID_ARGUMENT refused")
	s.must("w", &mitterev1.Item{Call: 1, Index: 1}, "H")
	s.must("w", &mitterev1.Disconnect{})
	s.want("c < Item 1 #1 H", "c < Reply 1 of w UNAVAILABLE #1")
}

func TestOnlyTheBrokersOwnWorkerHasReservedNames(t *testing.T) {
	s := newStage(t)
	for name, instance := range map[string]string{"w": "other", "v": ""} {
		s.must(name, &mitterev1.Hello{Instance: []byte(instance), Role: mitterev1.Role_ROLE_WORKER})
		s.want(name + " < Welcome")
		s.ready(name, "mittere.v1.Broker")
		s.want(name + " < Disconnect PERMISSION_DENIED")
	}
	s.client("c")
	ask := func(k *mitterev1.Request) { k.Service = "mittere.v1.Broker" }
	s.mustAsk("c", 1, ask)
	s.want("c < Reply 1 of b UNIMPLEMENTED refused")
	s.must("own", &mitterev1.Hello{Instance: []byte("secret"), Role: mitterev1.Role_ROLE_WORKER})
	s.want("own < Welcome")
	s.ready("own", "mittere.v1.Broker")
	s.mustAsk("c", 2, ask)
	s.want("own < Request 1 mittere.v1.Broker  hi")
	// Without a secret nobody has it.
	plainly := newStage(t, native.WithOwn(nil))
	plainly.must("w", &mitterev1.Hello{Role: mitterev1.Role_ROLE_WORKER})
	plainly.want("w < Welcome")
	plainly.ready("w", "mittere.v1.Broker")
	plainly.want("w < Disconnect PERMISSION_DENIED")
}

func TestReadyTellsTheDeskAllOfTheWorker(t *testing.T) {
	s := newStage(t)
	s.hello("w", mitterev1.Role_ROLE_WORKER)
	s.must("w", &mitterev1.Ready{
		Session: s.sessions["w"], Instance: "w", Services: []string{"a", "b"}, Version: "v1", Capacity: 7, Endpoints: []string{"tcp://x:1"},
		Descriptors: []byte("hash"), Repeatable: []string{"a.S/M"}, Types: []string{"a.Ask"},
	})
	v, known := s.Desk.Worker("w")
	o := v.Offer
	if !known || o.Capacity != 7 || o.Version != "v1" || len(o.Services) != 2 || len(o.Endpoints) != 1 || string(o.Descriptors) != "hash" ||
		len(o.Repeatable) != 1 || len(o.Types) != 1 || !o.Cancels || o.Idempotent || o.Own || o.Heartbeat != heartbeat || o.Patience != 3*heartbeat || o.Session != s.sessions["w"] {
		t.Errorf("got %+v", v)
	}
	s.ready("w", "c")
	if v, _ := s.Desk.Worker("w"); len(v.Offer.Services) != 1 || v.Since != s.Now {
		t.Errorf("got %+v", v)
	}
}

func TestAnswersHaveTheDelimiterOfTheirPeer(t *testing.T) {
	s := newStage(t)
	frames, err := (&messaging.Command{Kind: &mitterev1.Hello{}}).Frames()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.hear("c", []byte{}, frames[0]); err != nil {
		t.Fatal(err)
	}
	s.want("c < |Welcome")
}

func TestWhatIsNoCommandEndsTheSession(t *testing.T) {
	for name, c := range map[string]struct {
		frames []string
		want   string
	}{
		"another version": {[]string{"\x08\x02\x12\x00"}, "c < Disconnect FAILED_PRECONDITION [1]"},
		"version 0":       {[]string{"\x08\x00\x12\x00"}, "c < Disconnect FAILED_PRECONDITION [1]"},
		"no kind":         {[]string{"\x08\x01"}, "c < Disconnect INVALID_ARGUMENT [1]"},
		"truncated":       {[]string{"\x08\x01\x12\x05"}, "c < Disconnect INVALID_ARGUMENT [1]"},
		"two bodies":      {[]string{"\x08\x01\x12\x00\x7a\x00", "x"}, "c < Disconnect INVALID_ARGUMENT [1]"},
		"three frames":    {[]string{"\x08\x01\x12\x00", "x", "y"}, "c < Disconnect INVALID_ARGUMENT [1]"},
		"a plain request": {[]string{string(dialecttest.TextEnvelope(t, "hi"))}, "c < Disconnect INVALID_ARGUMENT [1]"},
		"no frames":       {nil, "c < Disconnect INVALID_ARGUMENT [1]"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.worker("w", "echo")
			s.client("c")
			s.mustAsk("c", 1)
			s.want("w < Request 1 echo  hi")
			var frames [][]byte
			for _, f := range c.frames {
				frames = append(frames, []byte(f))
			}
			if s.hear("c", frames...) == nil {
				t.Error("there is no error")
			}
			s.want(c.want, "w < Cancel 1")
			if !s.Speakers[peer("c")].Idle() {
				t.Error("the session goes on")
			}
		})
	}
}

func TestKindsOfLaterVersionsAreIgnored(t *testing.T) {
	s := newStage(t)
	s.client("c")
	if err := s.hear("c", []byte("\x08\x01\x82\x01\x03abc")); err != nil {
		t.Error(err)
	}
	s.want()
	if s.Speakers[peer("c")].Idle() {
		t.Error("the session is over")
	}
}

func TestHelloIsRefused(t *testing.T) {
	for hello, want := range map[*mitterev1.Hello]string{
		{Role: 3}:                    "UNIMPLEMENTED",
		{Instance: make([]byte, 65)}: "INVALID_ARGUMENT",
		{FrameBytes: 1}:              "INVALID_ARGUMENT",
		{FrameBytes: 1023}:           "INVALID_ARGUMENT",
	} {
		s := newStage(t)
		s.must("c", hello)
		s.want("c < Disconnect " + want)
		if !s.Speakers[peer("c")].Idle() {
			t.Errorf("%s: there is a session", want)
		}
	}
}

func TestWelcomeTellsWhatWasAgreed(t *testing.T) {
	s := newStage(t, native.WithLimits(1000, 7))
	for asked, agreed := range map[time.Duration]time.Duration{
		-1: heartbeat, 0: heartbeat, time.Second: time.Second, time.Hour: 30 * time.Second,
	} {
		s.must("c", &mitterev1.Hello{HeartbeatNano: int64(asked)})
		k := s.last.Kind.(*mitterev1.Welcome)
		if k.GetHeartbeatNano() != int64(agreed) || k.GetInstance() != "b" || k.GetLimits().GetFrameBytes() != 1000 || k.GetLimits().GetCalls() != 7 {
			t.Errorf("asked for %v: %v", asked, k)
		}
	}
	seen := maps.Clone(s.sessions)
	s.must("c", &mitterev1.Hello{})
	if s.sessions["c"] == seen["c"] || s.sessions["c"] == 0 {
		t.Error("the session has the id of the one before")
	}
}

// A worker knows that it serves by the heartbeat that answers its Ready.
func TestReadyThatIsTakenIsAnsweredWithAHeartbeat(t *testing.T) {
	s := newStage(t)
	s.hello("w", mitterev1.Role_ROLE_WORKER)
	for round, services := range [][]string{{"echo"}, {"echo", "other"}} { // in the same session as well
		s.ready("w", services...)
		if s.beats != round+1 || s.beat.GetSession() != s.sessions["w"] || s.beat.GetSentAtNano() != int64(s.Now)+1 {
			t.Errorf("after %d Readies %d heartbeats came, of late %v", round+1, s.beats, s.beat)
		}
	}
	s.want()
	s.ready("w", "mittere.v1.Broker")
	s.want("w < Disconnect PERMISSION_DENIED")
	s.must("w", &mitterev1.Ready{Session: s.sessions["w"], Instance: "w", Services: []string{"echo"}})
	s.want("w < Disconnect UNAVAILABLE")
	if s.beats != 2 {
		t.Errorf("%d heartbeats came", s.beats)
	}
}

func TestManagementReachesWorkersThatAreBusyOrDrain(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.client("c")
	method := func(name string) func(*mitterev1.Request) {
		return func(k *mitterev1.Request) {
			k.Method, k.Target = name, &mitterev1.Target{Kind: mitterev1.Target_KIND_NAMED, Names: []string{"w"}}
		}
	}
	stats := method("mittere.v1.ManagementService/Stats")
	s.mustAsk("c", 1)
	s.mustAsk("c", 2, method("mittere.v1.ManagementServices/Stats"))
	s.mustAsk("c", 3, stats)
	s.want("w < Request 1 echo  hi", "c < Accepted 2 [w] not []", "c < Accepted 3 [w] not []", "w < Request 2 echo mittere.v1.ManagementService/Stats hi")
	s.must("w", &mitterev1.Drain{Session: s.sessions["w"]})
	s.want("w < Drain", "c < Reply 2 of w UNAVAILABLE refused")
	s.mustAsk("c", 4, stats)
	s.mustAsk("c", 5, method("a.S/M"))
	s.want("c < Accepted 4 [w] not []", "w < Request 3 echo mittere.v1.ManagementService/Stats hi", "c < Reply 5 of b NOT_FOUND refused")
	s.must("w", &mitterev1.Reply{Call: 2}, "HI")
	s.want("c < Reply 3 of w HI")
	// One of a protocol that knows one request at a time gets no second one.
	s.frames("m", "|MDPW01|\x01|other")
	s.mustAsk("c", 6, func(k *mitterev1.Request) { k.Service = "other" })
	s.mustAsk("c", 7, stats, func(k *mitterev1.Request) { k.Service, k.Target.Names = "other", []string{"m"} })
	s.want(`m < |MDPW01|\x02|e-4||hi`, "c < Accepted 7 [m] not []")
}

func TestBrokerThatStopsIsAskedHowItGoesOn(t *testing.T) {
	s := newStage(t)
	s.must("own", &mitterev1.Hello{Instance: []byte("secret"), Role: mitterev1.Role_ROLE_WORKER})
	s.want("own < Welcome")
	s.ready("own", "mittere.v1.Broker")
	s.Perform(s.Desk.Shut(s.Now))
	s.must("c", &mitterev1.Hello{Role: mitterev1.Role_ROLE_CLIENT})
	s.want("c < Welcome", "c < Drain")
	if k, ok := s.last.Kind.(*mitterev1.Drain); !ok || k.GetSession() != s.sessions["c"] {
		t.Errorf("got %v", s.last.Kind)
	}
	s.mustAsk("c", 1)
	s.mustAsk("c", 2, func(k *mitterev1.Request) { k.Service = "mittere.v1.Broker" })
	s.want("c < Reply 1 of b UNAVAILABLE refused", "own < Request 1 mittere.v1.Broker  hi")
	s.must("own", &mitterev1.Reply{Call: 1}, "HI")
	s.want("c < Reply 2 of own HI")
	s.hello("w", mitterev1.Role_ROLE_WORKER) // which may serve what waits still
	if l := s.Desk.Load(); l.Calls != 0 {
		t.Errorf("left: %+v", l)
	}
}

func TestSpeakerIsAKeeper(t *testing.T) {
	s := newStage(t)
	if _, ok := native.New().Open(s.Desk, peer("c")).(dialect.Keeper); !ok {
		t.Error("it is none")
	}
}
