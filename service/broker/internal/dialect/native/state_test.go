package native_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// states are those in which a peer p may be. There is also a worker w, which is idle,
// and a client c, which waits for call 7, if p is a worker of what it asks for.
func states() map[string]func(*stage) {
	return map[string]func(*stage){
		"no session": func(*stage) {},
		"client":     func(s *stage) { s.client("p") },
		"client that waits": func(s *stage) {
			s.client("p")
			s.mustAsk("p", 1, func(k *mitterev1.Request) { k.Credit = 1 })
			s.want("w < Request 1 echo  hi")
		},
		"worker before Ready": func(s *stage) { s.hello("p", mitterev1.Role_ROLE_WORKER) },
		"worker": func(s *stage) {
			s.worker("p", "other")
			s.mustAsk("c", 7, func(k *mitterev1.Request) { k.Service, k.Credit = "other", 9 })
			s.want("p < Request 1 other  hi")
		},
		"client whose session ended": func(s *stage) {
			s.client("p")
			s.leave("p")
		},
		"worker whose session ended": func(s *stage) {
			s.worker("p", "other")
			s.mustAsk("c", 7, func(k *mitterev1.Request) { k.Service = "other" })
			s.want("p < Request 1 other  hi")
			s.leave("p")
			s.want("c < Reply 7 of p UNAVAILABLE")
		},
	}
}

// leave ends a session, with its peer silent for a while.
func (s *stage) leave(who string) {
	s.Now += heartbeat * 2
	for _, other := range []string{"c", "w"} {
		s.must(other, &mitterev1.Heartbeat{Session: s.sessions[other], SentAtNano: s.sent()})
	}
	s.Now += heartbeat + 1
	s.Perform(s.Desk.Tick(s.Now))
	for _, other := range []string{"c", "w"} {
		s.KeepOne(peer(other), false)
	}
	s.KeepOne(peer(who), false)
	s.said = slices.DeleteFunc(s.said, func(line string) bool { return strings.HasPrefix(line, who+" < ") })
}

// commands are one of each kind, as p may say them.
func commands(session uint64) map[string]proto.Message {
	return map[string]proto.Message{
		"Hello":      &mitterev1.Hello{Instance: []byte("p")},
		"Welcome":    &mitterev1.Welcome{Session: session},
		"Ready":      &mitterev1.Ready{Session: session, Services: []string{"echo"}, Instance: "p"},
		"Request":    &mitterev1.Request{Session: session, Call: 2, Service: "echo"},
		"Accepted":   &mitterev1.Accepted{Call: 1},
		"Reply":      &mitterev1.Reply{Call: 1},
		"Item":       &mitterev1.Item{Call: 1, Index: 1},
		"Event":      &mitterev1.Event{Call: 1},
		"Credit":     &mitterev1.Credit{Call: 1, Items: 2},
		"Cancel":     &mitterev1.Cancel{Call: 1},
		"Heartbeat":  &mitterev1.Heartbeat{Session: session},
		"Drain":      &mitterev1.Drain{Session: session},
		"Disconnect": &mitterev1.Disconnect{},
	}
}

// without is what a peer hears that has no session.
func without() map[string]string {
	const unknown = "p < Disconnect UNAVAILABLE"
	return map[string]string{
		"Hello":   "p < Welcome",
		"Welcome": "error", "Accepted": "error",
		"Ready":   unknown,
		"Request": "p < Reply 2 of b UNAVAILABLE refused; " + unknown,
		"Reply":   unknown, "Item": unknown, "Event": unknown,
		"Credit": "", "Cancel": "",
		"Heartbeat": unknown, "Drain": unknown,
		"Disconnect": "",
	}
}

// TestEachCommandInEachState has p say each command in each state, and compares what
// the broker says to anybody. "error" is for what the peer must not send, "ends" for a
// session that is over then.
func TestEachCommandInEachState(t *testing.T) {
	want := map[string]map[string]string{
		"no session":                 without(),
		"client whose session ended": without(),
		"worker whose session ended": without(),
		"client": {
			"Hello":   "p < Welcome",
			"Welcome": "error", "Accepted": "error",
			"Ready":   "error; p < Disconnect FAILED_PRECONDITION; ends",
			"Request": "w < Request 1 echo  hi",
			"Reply":   "error", "Item": "error", "Event": "error", "Drain": "error",
			"Credit": "", "Cancel": "", "Heartbeat": "",
			"Disconnect": "ends",
		},
		"client that waits": {
			"Hello":   "p < Welcome; w < Cancel 1",
			"Welcome": "error", "Accepted": "error",
			"Ready":   "error; p < Disconnect FAILED_PRECONDITION; w < Cancel 1; ends",
			"Request": "", // which waits behind the other one
			"Reply":   "error", "Item": "error", "Event": "error", "Drain": "error",
			"Credit": "w < Credit 1 +2", "Cancel": "w < Cancel 1", "Heartbeat": "",
			"Disconnect": "w < Cancel 1; ends",
		},
		"worker before Ready": {
			"Hello":   "p < Welcome",
			"Welcome": "error", "Accepted": "error",
			"Ready":   "",
			"Request": "error; p < Reply 2 of b FAILED_PRECONDITION refused",
			"Reply":   "p < Disconnect UNAVAILABLE; ends", "Item": "p < Disconnect UNAVAILABLE; ends", "Event": "p < Disconnect UNAVAILABLE; ends",
			"Credit": "error", "Cancel": "error",
			"Heartbeat": "", "Drain": "p < Drain",
			"Disconnect": "ends",
		},
		"worker": {
			"Hello":   "p < Welcome; c < Reply 7 of p UNAVAILABLE",
			"Welcome": "error", "Accepted": "error",
			"Ready":   "", // the session goes on with another offer, and with what it has
			"Request": "error; p < Reply 2 of b FAILED_PRECONDITION refused",
			"Reply":   "c < Reply 7 of p hi", "Item": "c < Item 7 #1 hi", "Event": "c < Event 7 of p hi",
			"Credit": "error", "Cancel": "error",
			"Heartbeat": "", "Drain": "p < Drain",
			"Disconnect": "c < Reply 7 of p UNAVAILABLE; ends",
		},
	}
	for state, enter := range states() {
		for kind := range commands(0) {
			t.Run(state+"/"+kind, func(t *testing.T) {
				expected, known := want[state][kind]
				if !known {
					t.Fatal("the table has no row")
				}
				s := newStage(t)
				s.worker("w", "echo")
				s.client("c")
				enter(s)
				said := s.react(kind)
				if got := strings.Join(said, "; "); got != expected {
					t.Errorf("got %q, want %q", got, expected)
				}
			})
		}
	}
}

// react has p say a command, and returns the outcome.
func (s *stage) react(kind string) (said []string) {
	speaker := s.Speakers[peer("p")]
	before := speaker != nil && !speaker.Idle()
	command := commands(s.sessions["p"])[kind]
	var text []string
	switch kind {
	case "Request", "Reply", "Item", "Event":
		text = []string{"hi"}
	}
	if err := s.say("p", command, text...); err != nil {
		said = append(said, "error")
	}
	said = append(said, s.said...)
	if before && s.Speakers[peer("p")].Idle() {
		said = append(said, "ends")
	}
	return said
}
