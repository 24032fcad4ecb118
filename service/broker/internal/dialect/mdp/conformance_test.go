package mdp_test

import (
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// rule is what an RFC says, and a script that shows it.
type rule struct {
	section string // of the RFC
	says    string
	script  []string
}

func (r rule) name() string { return r.section + ": " + r.says }

func TestFramesOfRFC7(t *testing.T) {
	for _, r := range []rule{
		{"7/MDP Client", "REQUEST and REPLY", []string{
			"w > |MDPW01|\x01|echo",
			"c > |MDPC01|echo|hi",
			"w < |MDPW01|\x02|e-1||hi",
			"w > |MDPW01|\x03|e-1||HI",
			"c < |MDPC01|echo|HI",
		}},
		{"7/MDP Client", "bodies are opaque, of one frame or more", []string{
			"w > |MDPW01|\x01|echo",
			"c > |MDPC01|echo|a|||\x00\xff|MDPW01|",
			"w < |MDPW01|\x02|e-1||a|||\x00\xff|MDPW01|",
			"w > |MDPW01|\x03|e-1|||||",
			"c < |MDPC01|echo||||",
		}},
		{"7/MDP Client", "the broker SHOULD queue requests for which no service is registered", []string{
			"c > |MDPC01|echo|hi",
			"+10s",
			"w > |MDPW01|\x01|echo",
			"w < |MDPW01|\x02|e-1||hi",
		}},
		{"7/MDP Worker", "HEARTBEAT in both directions", []string{
			"w > |MDPW01|\x01|echo",
			"+1875ms",
			"w < |MDPW01|\x04",
			"w > |MDPW01|\x04",
		}},
		{"7/MDP Worker", "DISCONNECT from the worker", []string{
			"w > |MDPW01|\x01|echo",
			"w > |MDPW01|\x05",
			"+1m",
		}},
		{"7/MDP Worker", "DISCONNECT from the broker", []string{
			"w > |MDPW01|\x01|mmi.echo",
			"w < |MDPW01|\x05",
		}},
		{"7/MDP Worker", "commands begin with an empty frame", []string{
			"w ! MDPW01|\x01|echo",
			"c ! MDPC01|echo|hi",
		}},
	} {
		t.Run(r.name(), func(t *testing.T) { newStage(t, desk.Limits{}).Play(r.script...) })
	}
}

func TestFramesOfRFC18(t *testing.T) {
	for _, r := range []rule{
		{"18/MDP Client", "REQUEST, PARTIAL and FINAL", []string{
			"w > MDPW02|\x01|echo",
			"c > MDPC02|\x01|echo|hi",
			"w < MDPW02|\x02|e-1||hi",
			"w > MDPW02|\x03|e-1||H",
			"c < MDPC02|\x02|echo|H",
			"w > MDPW02|\x03|e-1||I|!",
			"c < MDPC02|\x02|echo|I|!",
			"w > MDPW02|\x04|e-1||HI",
			"c < MDPC02|\x03|echo|HI",
		}},
		{"18/Request and Reply Processing", "zero PARTIALs", []string{
			"w > MDPW02|\x01|echo",
			"c > MDPC02|\x01|echo|hi",
			"w < MDPW02|\x02|e-1||hi",
			"w > MDPW02|\x04|e-1||HI",
			"c < MDPC02|\x03|echo|HI",
		}},
		{"18/MDP Client", "after FINAL the broker SHALL NOT send any further", []string{
			"w > MDPW02|\x01|echo",
			"c > MDPC02|\x01|echo|hi",
			"w < MDPW02|\x02|e-1||hi",
			"w > MDPW02|\x04|e-1||HI",
			"c < MDPC02|\x03|echo|HI",
			"w > MDPW02|\x03|e-1||more",
			"w > MDPW02|\x04|e-1||more",
		}},
		{"18/MDP Worker", "HEARTBEAT in both directions", []string{
			"w > MDPW02|\x01|echo",
			"+1875ms",
			"w < MDPW02|\x05",
			"w > MDPW02|\x05",
		}},
		{"18/MDP Worker", "DISCONNECT from the worker", []string{
			"w > MDPW02|\x01|echo",
			"w > MDPW02|\x06",
			"+1m",
		}},
		{"18/MDP Worker", "DISCONNECT from the broker", []string{
			"w > MDPW02|\x01|mmi.echo",
			"w < MDPW02|\x06",
		}},
		{"18/MDP Client", "the commands of the broker are not a client's", []string{
			"c > MDPC02|\x01|echo|hi",
			"c ! MDPC02|\x02|echo|hi",
			"c ! MDPC02|\x03|echo|hi",
			"c ! MDPC02|\x04|echo|hi",
			"c ! MDPC02|echo|hi",
			"c ! MDPC02||echo|hi",
			"c ! MDPC02|\x01\x01|echo|hi",
		}},
	} {
		t.Run(r.name(), func(t *testing.T) { newStage(t, desk.Limits{}).Play(r.script...) })
	}
}

func TestRulesOfBothVersions(t *testing.T) {
	for _, r := range []rule{
		{"Overall Topology", "a worker has at most one request, and each has one reply", []string{
			"w > {READY}echo",
			"c > {C}echo|a",
			"w < {REQUEST}e-1||a",
			"c > {C}echo|b",
			"c > {C}echo|c",
			"w > {FINAL}e-1||A",
			"c < {R}echo|A",
			"w < {REQUEST}e-2||b",
			"w > {FINAL}e-2||B",
			"c < {R}echo|B",
			"w < {REQUEST}e-3||c",
			"w > {FINAL}e-3||C",
			"c < {R}echo|C",
		}},
		{"Overall Topology", "many workers MAY serve a service; the least recently used is next", []string{
			"w1 > {READY}echo", "w2 > {READY}echo",
			"c > {C}echo|a", "w1 < {REQUEST}e-1||a",
			"w1 > {FINAL}e-1||A", "c < {R}echo|A",
			"c > {C}echo|b", "w2 < {REQUEST}e-2||b",
			"d > {C}echo|c", "w1 < {REQUEST}e-3||c",
			"w1 > {FINAL}e-3||C", "d < {R}echo|C",
			"w2 > {FINAL}e-2||B", "c < {R}echo|B",
		}},
		{"Goals", "requests of workers that are disconnected go to others", []string{
			"w1 > {READY}echo", "w2 > {READY}echo",
			"c > {C}echo|a", "w1 < {REQUEST}e-1||a",
			"w1 > {DISCONNECT}", "w2 < {REQUEST}e-2||a",
			"w2 > {FINAL}e-2||A", "c < {R}echo|A",
		}},
		{"Goals", "requests of workers that are dead go to others", []string{
			"w1 > {READY}echo",
			"c > {C}echo|a", "w1 < {REQUEST}e-1||a",
			"+1800ms",
			"w2 > {READY}echo",
			"+1875ms", "w1 < {HEARTBEAT}", "w2 < {HEARTBEAT}",
			"w2 > {HEARTBEAT}",
			"+1875ms", "w1 < {HEARTBEAT}", "w2 < {HEARTBEAT}",
			"+1849ms", "w1 < {HEARTBEAT}",
			"+101ms", "w2 < {HEARTBEAT}", "w1 < {DISCONNECT}", "w2 < {REQUEST}e-2||a",
			"w1 > {FINAL}e-1||A", // late, and there is nothing more to say to it
			"w2 > {FINAL}e-2||A", "c < {R}echo|A",
		}},
		{"Client", "requests SHOULD expire after a time, in silence", []string{
			"c > {C}echo|hi",
			"+30s",
			"w > {READY}echo",
		}},
		{"Client", "service names are printable strings", []string{
			"c ! {C}|hi",
			"c ! {C}\x00echo|hi",
			"c ! {C}echo\n|hi",
			"c ! {C}\xff|hi",
			"w ! {READY}",
			"w ! {READY}e\x07cho",
			"w > {READY}écho ☃/a.b",
			"c > {C}écho ☃/a.b|hi", "w < {REQUEST}e-1||hi",
			"w > {FINAL}e-1||HI", "c < {R}écho ☃/a.b|HI",
		}},
		{"Opening and Closing a Connection", "there is no response to READY", []string{
			"w > {READY}echo",
		}},
		{"Opening and Closing a Connection", "the worker MAY send DISCONNECT before READY", []string{
			"w > {DISCONNECT}",
			"w > {DISCONNECT}",
			"w > {READY}echo",
			"c > {C}echo|hi", "w < {REQUEST}e-1||hi",
		}},
		{"Opening and Closing a Connection", "after a worker's DISCONNECT it MUST be sent nothing", []string{
			"w > {READY}echo",
			"w > {DISCONNECT}",
			"c > {C}echo|hi",
			"w > {HEARTBEAT}",
			"w > {FINAL}e-1||hi",
			"+10s",
		}},
		{"Opening and Closing a Connection", "after a worker's DISCONNECT while busy it MUST be sent nothing", []string{
			"w > {READY}echo",
			"c > {C}echo|hi", "w < {REQUEST}e-1||hi",
			"w > {DISCONNECT}",
			"w > {FINAL}e-1||HI",
			"+10s",
			"w > {READY}echo", "w < {REQUEST}e-2||hi",
		}},
		{"Opening and Closing a Connection", "HEARTBEAT before READY MUST be answered with DISCONNECT, and then nothing", []string{
			"w > {HEARTBEAT}", "w < {DISCONNECT}",
			"w > {HEARTBEAT}",
			"w > {READY}echo",
			"w > {HEARTBEAT}",
		}},
		{"Opening and Closing a Connection", "a reply before READY MUST be answered with DISCONNECT, and then nothing", []string{
			"w > {FINAL}e-1||hi", "w < {DISCONNECT}",
			"w > {FINAL}e-1||hi",
		}},
		{"Opening and Closing a Connection", "a PARTIAL before READY MUST be answered with DISCONNECT", []string{
			"2: w > MDPW02|\x03|e-1||hi", "2: w < {DISCONNECT}",
		}},
		{"Opening and Closing a Connection", "REQUEST of a worker is not expected, and MUST be answered with DISCONNECT", []string{
			"w > {REQUEST}e-1||hi", "w < {DISCONNECT}",
			"v > {READY}echo",
			"v > {REQUEST}e-1||hi", "v < {DISCONNECT}",
		}},
		{"Opening and Closing a Connection", "invalid messages SHOULD be dropped, and their worker treated as invalid", []string{
			"w > {READY}echo",
			"c > {C}echo|hi", "w < {REQUEST}e-1||hi",
			"w ! {W}\x63", "w < {DISCONNECT}",
			"w > {FINAL}e-1||HI",
			"w > {READY}echo", "w < {REQUEST}e-2||hi",
		}},
		{"Opening and Closing a Connection", "a second READY of an idle worker begins anew (ours: it MUST NOT)", []string{
			"w > {READY}echo",
			"w > {READY}other",
			"c > {C}echo|hi",
			"c > {C}other|hi", "w < {REQUEST}e-1||hi",
		}},
		{"Opening and Closing a Connection", "a second READY of a busy worker begins anew (ours: it MUST NOT)", []string{
			"w > {READY}echo",
			"c > {C}echo|hi", "w < {REQUEST}e-1||hi",
			"w > {READY}echo", "w < {REQUEST}e-2||hi",
			"w > {FINAL}e-1||old",
			"w > {FINAL}e-2||new", "c < {R}echo|new",
		}},
		{"Request and Reply Processing", "replies MUST have precisely one client address, and a frame behind it", []string{
			"w > {READY}echo",
			"c > {C}echo|hi", "w < {REQUEST}e-1||hi",
			"w ! {FINAL}e-1|e-1||HI", "w < {DISCONNECT}",
			"w > {READY}echo", "w < {REQUEST}e-2||hi",
			"w ! {FINAL}x-2|HI", "w < {DISCONNECT}",
			"w > {READY}echo", "w < {REQUEST}e-3||hi",
			"w ! {FINAL}e-3", "w < {DISCONNECT}",
			"c < {R}echo|<INTERNAL>", // three workers were lost with it
		}},
		{"Request and Reply Processing", "a reply without a body is taken for an empty one (ours)", []string{
			"w > {READY}echo",
			"c > {C}echo|hi", "w < {REQUEST}e-1||hi",
			"w > {FINAL}e-1|",
			"c < {R}echo|",
		}},
		{"Heartbeating", "any command except DISCONNECT acts as a heartbeat", []string{
			"w > {READY}echo",
			"+1s",
			"c > {C}echo|a", "w < {REQUEST}e-1||a",
			"+1800ms", // a REQUEST is one of the broker's
			"w > {FINAL}e-1||A", "c < {R}echo|A",
			"+100ms", "w < {HEARTBEAT}",
			"+1875ms", "w < {HEARTBEAT}",
			"+1875ms", "w < {HEARTBEAT}",
			"+1875ms", "w < {HEARTBEAT}",
			"+1774ms",
			"+1ms", "w < {DISCONNECT}", // 7.5 s after the reply
		}},
		{"Heartbeating", "a worker that was silent for three intervals is sent nothing more", []string{
			"w > {READY}echo",
			"+7499ms", "w < {HEARTBEAT}", "w < {HEARTBEAT}", "w < {HEARTBEAT}",
			"+1ms", "w < {DISCONNECT}",
			"+1m",
			"c > {C}echo|hi",
		}},
	} {
		t.Run(r.name(), func(t *testing.T) { both(t, desk.Limits{}, r.script...) })
	}
}

func TestRulesOfRFC8(t *testing.T) {
	for _, r := range []rule{
		{"8/Namespace", "MUST disconnect workers that register there", []string{
			"w > {READY}mmi.service", "w < {DISCONNECT}",
			"v > {READY}mmi.", "v < {DISCONNECT}",
			"mmi.w > {READY}mmi",       // the name of the service counts, and not the sender's
			"c > {C}mmi.service|mmi.w", // nor does a name that contains it
			"c < {R}mmi.service|404",
			"u > {READY}mimi.x",
		}},
		{"8/Default services", "mmi.service of nobody", []string{
			"c > {C}mmi.service|echo", "c < {R}mmi.service|404",
		}},
		{"8/Default services", "mmi.service of an idle and a busy worker", []string{
			"w > {READY}echo",
			"c > {C}mmi.service|echo", "c < {R}mmi.service|200",
			"c > {C}echo|hi", "w < {REQUEST}e-1||hi",
			"c > {C}mmi.service|echo", "c < {R}mmi.service|200",
			"w > {DISCONNECT}",
			"c > {C}mmi.service|echo", "c < {R}mmi.service|404",
		}},
		{"8/Default services", "mmi.service of a service that was only asked for", []string{
			"c > {C}echo|hi",
			"c > {C}mmi.service|echo", "c < {R}mmi.service|404",
		}},
		{"8/Default services", "mmi.service answers with one frame", []string{
			"c > {C}mmi.service|", "c < {R}mmi.service|404",
			"c > {C}mmi.service|a|b|c", "c < {R}mmi.service|404",
			"c ! {C}mmi.service",
		}},
		{"8/Default services", "any other MUST result in 501", []string{
			"c > {C}mmi.|", "c < {R}mmi.|501",
			"c > {C}mmi.echo|a|b|c", "c < {R}mmi.echo|501",
			"c > {C}mmi.servicex|echo", "c < {R}mmi.servicex|501",
		}},
		{"ours", "mmi.services and mmi.workers", []string{
			"c > {C}mmi.services|", "c < {R}mmi.services|",
			"c > {C}mmi.workers|", "c < {R}mmi.workers|",
			"w2 > {READY}sum", "w1 > {READY}sum", "bin > {READY}echo",
			"c > {C}none|hi",
			"c > {C}mmi.services|", "c < {R}mmi.services|echo|sum",
			"c > {C}mmi.workers|", "c < {R}mmi.workers|00800041a7|w1|w2",
			"c > {C}mmi.workers|sum", "c < {R}mmi.workers|w1|w2",
			"c > {C}mmi.workers|none", "c < {R}mmi.workers|",
		}},
		{"ours", "mittere.v1 is reserved as well", []string{
			"w > {READY}mittere.v1.BrokerService", "w < {DISCONNECT}",
			"c > {C}mittere.v1.BrokerService|hi", "c < {R}mittere.v1.BrokerService|<UNIMPLEMENTED>",
		}},
	} {
		t.Run(r.name(), func(t *testing.T) { both(t, desk.Limits{}, r.script...) })
	}
}

// A question is answered as of now, also if nobody had the desk look at the time.
func TestDeadWorkersAreNotRegistered(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.Play("w > |MDPW01|\x01|echo")
	s.Now = 3 * time.Second
	s.Play("c > |MDPC01|mmi.service|echo", "c < |MDPC01|mmi.service|200", "w < |MDPW01|\x04")
	s.Wait(4500*time.Millisecond - 1)
	s.Said = nil
	s.Now = 7500 * time.Millisecond
	s.Play("c > |MDPC01|mmi.service|echo", "c < |MDPC01|mmi.service|404", "w < |MDPW01|\x05")
}
