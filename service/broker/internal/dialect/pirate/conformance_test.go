package pirate_test

import (
	"testing"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// rule is what the RFC or dīvidere says, and a script that shows it.
type rule struct {
	section string // of the RFC, or of what else
	says    string
	script  []string
}

func (r rule) name() string { return r.section + ": " + r.says }

func play(t *testing.T, rules ...rule) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name(), func(t *testing.T) { newStage(t, desk.Limits{}).Play(r.script...) })
	}
}

func TestRulesOfRFC6(t *testing.T) {
	play(t,
		rule{"6/Command Specifications", "READY is the byte 01, REQUEST and REPLY have an address stack and its end", []string{
			"w > \x01",
			"c > |hi",
			"w < e-1||hi",
			"w > e-1||HI",
			"c < |HI",
		}},
		rule{"6/Command Specifications", "HEARTBEAT is the byte 02", []string{
			"w > \x01",
			"+750ms", "w < \x02",
			"w > \x02",
		}},
		rule{"6/Command Specifications", "content has one part or more, of any bytes", []string{
			"w > \x01",
			"c > |a|||\x00\xff|\x01|",
			"w < e-1||a|||\x00\xff|\x01|",
			"w > e-1|||||\x02|",
			"c < ||||\x02|",
			"c ! ", "c ! a|",
		}},
		rule{"6/Command Specifications", "content of one byte is no command", []string{
			"w > \x01",
			"c > |\x01", "w < e-1||\x01",
			"w > e-1||\x02", "c < |\x02",
		}},
		rule{"6/Command Specifications", "the address stack is optional", []string{
			"w > \x01",
			"c > hi", "w < e-1||hi",
			"w > e-1||HI|!", "c < HI|!",
			"c > a|b", "w < e-2||a|b",
			"w > e-2||A", "c < A",
		}},
		rule{"6/Command Specifications", "the address stack comes back as it was", []string{
			"w > \x01",
			"c > far|\x00near||hi", "w < e-1||hi",
			"w > e-1||HI", "c < far|\x00near||HI",
			"c ! far|\x00near|",
		}},
		rule{"6/Overall Conversation", "the worker begins, and there is no response to READY", []string{
			"w > \x01",
		}},
		rule{"6/Overall Conversation", "request and reply repeat", []string{
			"w > \x01",
			"c > |a", "w < e-1||a",
			"c > |b", // one request at a time
			"c > |c",
			"w > e-1||A", "c < |A", "w < e-2||b",
			"w > e-2||B", "c < |B", "w < e-3||c",
			"w > e-3||C", "c < |C",
		}},
		rule{"6/Overall Conversation", "the first message MUST be READY", []string{
			"w ! hello",
			"w ! e-1||hi",
			"w ! e-1|hi",
			"w ! ",
			"w ! |",
			"w ! |\x02",
			"w ! \x01\x01",
			"w ! \x03",
			"c > |hi",
		}},
		rule{"6/Roles", "each request results in one reply", []string{
			"w > \x01",
			"c > |hi", "w < e-1||hi",
			"w > e-1||HI", "c < |HI",
			"w > e-1||again",
		}},
		rule{"6/Roles", "each request is independent", []string{
			"v > \x01", "w > \x01",
			"c > |a", "v < e-1||a",
			"c > |b", "w < e-2||b",
			"w > e-2||B", "c < |B",
			"v > e-1||A", "c < |A",
		}},
		rule{"6/Goals", "least recently used", []string{
			"v > \x01", "w > \x01",
			"c > |a", "v < e-1||a", "v > e-1||A", "c < |A",
			"c > |b", "w < e-2||b", "w > e-2||B", "c < |B",
			"c > |c", "v < e-3||c", "v > e-3||C", "c < |C",
		}},
		rule{"6/Goals", "requests of disconnected workers go to others", []string{
			"v > \x01", "w > \x01",
			"c > |hi", "v < e-1||hi",
			"v gone", "w < e-2||hi",
			"w > e-2||HI", "c < |HI",
		}},
		rule{"6/Goals", "requests of dead workers go to others", []string{
			"w > \x01",
			"c > |hi", "w < e-1||hi",
			"+2900ms", "w < \x02", "w < \x02", "w < \x02",
			"v > \x01",
			"+100ms", "v < e-2||hi",
			"v > e-2||HI", "c < |HI",
		}},
		rule{"6/Heartbeating Specification", "the broker says something at regular intervals, to busy workers too", []string{
			"w > \x01",
			"c > |hi", "w < e-1||hi",
			"+1s", "w < \x02", "w > \x02",
			"+1s", "w < \x02", "w > \x02",
			"+1s", "w < \x02", "w < \x02", "w > \x02",
			"+1s", "w < \x02", "w > \x02",
			"w > e-1||HI", "c < |HI",
		}},
		rule{"6/Heartbeating Specification", "a worker that has read READY or a reply has been heard", []string{
			"w > \x01",
			"+2s", "w < \x02", "w < \x02",
			"c > |hi", "w < e-1||hi",
			"w > e-1||HI", "c < |HI",
			"+2999ms", "w < \x02", "w < \x02", "w < \x02",
			"c > |hi", "w < e-2||hi",
		}},
		rule{"ours", "a worker is sent a heartbeat when a connection has ended", []string{
			"w > \x01", "+500ms",
			"probe", "w < \x02",
			"c > |hi", "w < e-1||hi",
			"probe", "w < \x02",
		}},
		rule{"6/Heartbeating Specification", "a disconnected worker SHOULD be sent no messages of any type", []string{
			"w > \x01",
			"+3s", "w < \x02", "w < \x02", "w < \x02",
			"+1m", "probe",
			"c > |hi",
		}},
		rule{"6/Heartbeating Specification", "a worker that lost sight of the broker MUST send READY again", []string{
			"w > \x01",
			"c > |hi", "w < e-1||hi",
			"w > \x01", "w < e-2||hi", // it has forgotten what it had
			"w > e-1||old",
			"w > e-2||new", "c < |new",
		}},
	)
}

func TestRulesOfDividereConnectionLayer(t *testing.T) {
	play(t,
		rule{"Worker", "registers with 01, and answers the broker's heartbeat with 02", []string{
			"w > \x01",
			"+1s", "w < \x02", "w > \x02",
			"+1s", "w < \x02", "w > \x02",
			"+1s", "w < \x02", "w < \x02", "w > \x02", "w > \x02",
			"+1s", "w < \x02", "w > \x02",
			"c > |hi", "w < e-1||hi",
		}},
		rule{"Client", "is a REQ", []string{
			"w > \x01",
			"c > |hi", "w < e-1||hi",
			"w > e-1||HI", "c < |HI",
		}},
		rule{"Broker", "has DEALER clients without an empty frame, and what is in front of the payload comes back", []string{
			"w > \x01",
			"c > hi", "w < e-1||hi",
			"w > e-1||HI", "c < HI",
		}},
		rule{"ours", "a reply that lacks the empty frame is one", []string{
			"w > \x01",
			"c > |hi", "w < e-1||hi",
			"w > e-1|HI", "c < |HI",
		}},
	)
}

func TestRulesOfDividereMessagingLayer(t *testing.T) {
	play(t,
		rule{"Server", "registers with a Heartbeat, and answers the broker's with one", []string{
			"w > <Heartbeat w>",
			"+1s", "w < <Heartbeat w>", "w > <Heartbeat w>",
			"+1s", "w < <Heartbeat w>", "w > <Heartbeat w>",
			"+1s", "w < <Heartbeat w>", "w < <Heartbeat w>", "w > <Heartbeat w>",
			"+1s", "w < <Heartbeat w>", "w > <Heartbeat w>",
			"c > hi", "w < e-1||hi",
			"w > <Heartbeat w>", // busy as it is
			"c > ho",
			"w > e-1||HI", "c < HI", "w < e-2||ho",
		}},
		rule{"Server", "a Heartbeat may name anything", []string{
			"w > <Heartbeat >",
			"+750ms", "w < <Heartbeat w>",
			"w > <Heartbeat someone else>",
			"c > hi", "w < e-1||hi",
		}},
		rule{"Broker", "a routing id that is no text is not in a Heartbeat", []string{
			"bin > <Heartbeat >",
			"+750ms", "bin < <Heartbeat >",
		}},
		rule{"Client", "is a DEALER, and sends again what had no reply", []string{
			"c > hi", "c > hi",
			"w > <Heartbeat w>", "w < e-1||hi",
			"w > e-1||HI", "c < HI", "w < e-2||hi",
			"w > e-2||HI", "c < HI",
		}},
		rule{"Client", "an envelope is a body as others", []string{
			"w > <Heartbeat w>",
			"c > <Heartbeat c>", "w < e-1||<Heartbeat c>",
			"w > e-1||<Heartbeat w>", "c < <Heartbeat w>",
		}},
	)
}

func TestRulesOfSimplePirate(t *testing.T) {
	play(t,
		rule{"worker", "is a REQ, with READY behind the empty frame", []string{
			"w > |\x01",
			"c > |hi", "w < |e-1||hi",
			"w > |e-1||HI", "c < |HI",
			"c > a|b", "w < |e-2||a|b",
		}},
		rule{"worker", "has no heartbeat, and needs none, idle or busy", []string{
			"w > |\x01",
			"+5h",
			"c > |hi", "w < |e-1||hi",
			"+50m",
			"w > |e-1||HI", "c < |HI",
			"c > |ho", "w < |e-2||ho",
		}},
		rule{"ours", "a REQ is sent what it discards when a connection has ended", []string{
			"w > |\x01",
			"probe", "w < \x00\x00\x00\x00||",
			"probe", "w < \x00\x00\x00\x00||",
			"+1m",
			"c > |hi", "w < |e-1||hi",
			"probe", "w < \x00\x00\x00\x00||",
		}},
		rule{"ours", "the request of one that is gone goes to another", []string{
			"v > |\x01",
			"c > |hi", "v < |e-1||hi",
			"probe", "v < \x00\x00\x00\x00||",
			"w > |\x01",
			"v gone", "w < |e-2||hi",
		}},
		rule{"ours", "a reply from before the broker began registers it", []string{
			"w ! |f-1|hi", "w ! |f-1",
			"w > |f-1||HI",
			"c > |hi", "w < |e-1||hi",
		}},
	)
}

func TestRulesOfAllKinds(t *testing.T) {
	for _, r := range []rule{
		{"dīvidere's broker forgets it", "a worker serves one request after the other", []string{
			"w > {READY}",
			"c > |a", "w < {FRONT}e-1||a", "w > {FRONT}e-1||A", "c < |A",
			"c > |b", "w < {FRONT}e-2||b", "w > {FRONT}e-2||B", "c < |B",
			"c > |c", "w < {FRONT}e-3||c", "w > {FRONT}e-3||C", "c < |C",
		}},
		{"dīvidere's broker ends there", "requests wait while there is no worker", []string{
			"c1 > |a", "c2 > b", "c3 > |c",
			"+29s",
			"w > {READY}", "w < {FRONT}e-1||a",
			"w > {FRONT}e-1||A", "c1 < |A", "w < {FRONT}e-2||b",
			"w > {FRONT}e-2||B", "c2 < B", "w < {FRONT}e-3||c",
			"w > {FRONT}e-3||C", "c3 < |C",
		}},
		{"ours", "requests expire in silence", []string{
			"c > |a", "c > b",
			"+30s",
			"w > {READY}",
		}},
		{"ours", "a reply that is of no request here is dropped", []string{
			"w > {READY}", "v > {READY}",
			"c > |hi", "w < {FRONT}e-1||hi",
			"v > {FRONT}e-1||stolen",
			"w > {FRONT}e-2||no", "w > {FRONT}e-01||no", "w > {FRONT}f-1||no", "w > {FRONT}c||no", "w > {FRONT}\x00\xff||no",
			"w > {FRONT}e-1||HI", "c < |HI",
			"w > {FRONT}e-1||HI",
		}},
		{"ours", "a reply without a body is one of an empty frame", []string{
			"w > {READY}",
			"c > |hi", "w < {FRONT}e-1||hi",
			"w > {FRONT}e-1|", "c < |",
		}},
		{"ours", "what is not of the protocol costs a worker its request, but not its place", []string{
			"w > {READY}",
			"c > |hi", "w < {FRONT}e-1||hi",
			"w ! what?",
			"w > {FRONT}e-1||HI", "w < {FRONT}e-2||hi", // it is heard again
			"w > {FRONT}e-2||HI", "c < |HI",
		}},
	} {
		t.Run(r.name(), func(t *testing.T) { all(t, desk.Limits{}, r.script...) })
	}
}
