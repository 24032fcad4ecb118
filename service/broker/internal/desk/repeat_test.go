package desk_test

import (
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// In other brokers: a client's retry was executed again.
func TestRepetitionWaitsForTheSameAnswer(t *testing.T) {
	s := newStage(t, desk.Limits{Waiters: 2})
	s.ready("w1", "w2")
	s.want(s.ask(1, key(1), within(time.Second)), "deliver 1 to w1")
	s.want(s.pass(500*time.Millisecond, "w1", "w2"))
	again := &desk.Request{Call: 1, Service: "echo", Content: desk.Content{Body: [][]byte{[]byte("hi")}}, Key: desk.Key{Client: "client", Number: 1}, Attempt: 2, Timeout: time.Second}
	s.want(s.d.Request(s.now, peer("c2"), again))
	s.want(s.ask(3, key(1)), "reply 3 to c: RESOURCE_EXHAUSTED, refused")
	s.want(s.pass(500*time.Millisecond, "w1", "w2"), "reply 1 to c of w1: DEADLINE_EXCEEDED")
	s.want(s.ask(4, key(1)))
	s.want(s.reply("w1", 1), "reply 1 to c2 of w1", "reply 4 to c of w1")
	if c := s.d.Counters(); c.Joined != 2 || c.Delivered != 1 || c.Answered != 2 || c.Expired != 1 {
		t.Fatalf("got %+v", c)
	}
}

// TestKeyOfAnotherQuestionIsNone has the key of a request that runs come with another
// method, and with another content.
func TestKeyOfAnotherQuestionIsNone(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2", "w3")
	s.want(s.ask(1, key(1)), "deliver 1 to w1")
	s.want(s.ask(2, key(1), harmful, func(r *desk.Request) { r.Method = "another" }), "deliver 2 to w2")
	s.want(s.ask(3, key(1), harmful, func(r *desk.Request) { r.Content.Body[0] = []byte("ho") }), "deliver 3 to w3")
	s.want(s.ask(4, key(1)))
	s.want(s.reply("w3", 3), "reply 3 to c of w3")
	s.want(s.reply("w2", 2), "reply 2 to c of w2")
	s.want(s.reply("w1", 1), "reply 1 to c of w1", "reply 4 to c of w1")
}

func TestRepetitionOfWhatHasEndedIsAborted(t *testing.T) {
	s := newStage(t, desk.Limits{KeyAge: 2 * time.Second})
	s.ready("w1")
	s.want(s.ask(1, key(1)), "deliver 1 to w1")
	s.want(s.reply("w1", 1), "reply 1 to c of w1")
	s.want(s.ask(2, key(1)), "reply 2 to c: ABORTED")
	s.want(s.ask(3, key(1), safe), "deliver 2 to w1")
	s.want(s.reply("w1", 2), "reply 3 to c of w1")
	s.want(s.pass(2*time.Second, "w1"))
	s.want(s.ask(4, key(1)), "deliver 3 to w1")
}

func TestRepetitionOfAStreamIsAbortedUnlessItDoesNoHarm(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2")
	credit := func(r *desk.Request) { r.Credit = 3 }
	s.want(s.ask(1, key(1), credit), "deliver 1 to w1")
	s.want(s.ask(2, key(1), credit), "reply 2 to c: ABORTED")
	s.want(s.ask(3, key(1), credit, safe), "deliver 2 to w2")
	s.want(s.reply("w2", 2), "reply 3 to c of w2")
	s.want(s.reply("w1", 1), "reply 1 to c of w1")
}

func TestRequestsThatAreWrong(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.want(s.ask(1))
	s.want(s.ask(1), "reply 1 to c: INVALID_ARGUMENT, refused")
	s.want(s.ask(2, within(-1)), "reply 2 to c: DEADLINE_EXCEEDED, refused")
	s.want(s.ask(3, func(r *desk.Request) { r.Service = "" }), "reply 3 to c: INVALID_ARGUMENT, refused")
	s.want(s.d.Ready(0, peer("w"), offer("w", 1)), "disconnect to w: INVALID_ARGUMENT")
	s.want(s.d.Ready(0, peer("w"), offer("", 1, "echo")), "disconnect to w: INVALID_ARGUMENT")
	s.want(s.d.Ready(0, peer("w"), offer("w", 1, "")), "disconnect to w: INVALID_ARGUMENT")
	big := offer("w", 1, "echo")
	big.Descriptors = make([]byte, 1<<20)
	s.want(s.d.Ready(0, peer("w"), big), "disconnect to w: INVALID_ARGUMENT")
}

func TestOneWayRequestIsNeverAnsweredAndKeepsItsPlace(t *testing.T) {
	s := newStage(t, desk.Limits{})
	oneWay := func(r *desk.Request) { r.OneWay = true }
	s.ready("w1")
	s.want(s.ask(1, oneWay), "deliver 1 to w1")
	s.want(s.ask(1, oneWay))
	s.want(s.d.Gone(0, peer("c")))
	s.want(s.reply("w1", 1), "deliver 2 to w1")
	s.want(s.reply("w1", 2))
	s.want(s.ask(2, oneWay, within(-1)))
}

func TestWaitEndsWhatWasNotBegun(t *testing.T) {
	s := newStage(t, desk.Limits{})
	wait := func(r *desk.Request) { r.Wait, r.Timeout = time.Second, time.Minute }
	s.ready("w1")
	s.want(s.ask(1, wait), "deliver 1 to w1")
	s.want(s.ask(2, wait))
	s.want(s.ask(3, all, wait), "accepted 3 to c: [w1], not []")
	s.want(s.pass(time.Second, "w1"), "reply 2 to c: DEADLINE_EXCEEDED, refused", "reply 3 to c of w1: DEADLINE_EXCEEDED, refused")
	s.want(s.reply("w1", 1), "reply 1 to c of w1")
}

func TestTokensNameLegsOfThisRunAlone(t *testing.T) {
	s := newStage(t, desk.Limits{})
	if got := s.d.Token(42); got != "e-42" || s.d.Delivery(got) != 42 {
		t.Fatalf("got %q", got)
	}
	for _, token := range []string{"", "e", "e-", "e-0", "e-042", "e-+4", "e--4", "f-42", "e-42x", "\x00", "e-99999999999999999999"} {
		if delivery := s.d.Delivery(token); delivery != 0 {
			t.Errorf("%q is delivery %d", token, delivery)
		}
	}
}
