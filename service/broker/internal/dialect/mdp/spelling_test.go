package mdp_test

import (
	"strings"
	"testing"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// Programs that differ from the RFCs are served, and answered as they write. Each script
// has the frames of one of them.
func TestProgramsThatDifferFromTheRFCsAreServedInTheirSpelling(t *testing.T) {
	for name, script := range map[string][]string{
		"the guide's worker in PHP has no empty frame behind the address": {
			"w > |MDPW01|\x01|echo",
			"c > |MDPC01|echo|a", "w < |MDPW01|\x02|e-1||a",
			"w > |MDPW01|\x03|e-1|A", "c < |MDPC01|echo|A",
			"c > |MDPC01|echo|a|b", "w < |MDPW01|\x02|e-2||a|b",
			"w > |MDPW01|\x03|e-2|A||B", "c < |MDPC01|echo|A||B",
			"c > |MDPC01|echo|", "w < |MDPW01|\x02|e-3||",
			"w > |MDPW01|\x03|e-3|", "c < |MDPC01|echo|",
		},
		"a worker of MDP/0.2 has no empty frame behind the address": {
			"w > MDPW02|\x01|echo",
			"c > MDPC02|\x01|echo|a", "w < MDPW02|\x02|e-1||a",
			"w > MDPW02|\x03|e-1|A", "c < MDPC02|\x02|echo|A",
			"w > MDPW02|\x04|e-1|AA", "c < MDPC02|\x03|echo|AA",
		},
		"the guide's workers in C# and Haskell have commands of two characters": {
			"w > |MDPW01|04", "w < |MDPW01|05",
			"w > |MDPW01|01|echo",
			"+1875ms", "w < |MDPW01|04",
			"w > |MDPW01|04",
			"c > |MDPC01|echo|a", "w < |MDPW01|02|e-1||a",
			"w > |MDPW01|03|e-1||A", "c < |MDPC01|echo|A",
			"w > |MDPW01|05",
			"v > |MDPW01|01|mmi.echo", "v < |MDPW01|05",
		},
		"majortomo's worker and pyzmq-mdp2's begin with an empty frame": {
			"w > |MDPW02|\x05", "w < |MDPW02|\x06",
			"w > |MDPW02|\x01|echo",
			"+1875ms", "w < |MDPW02|\x05",
			"w > |MDPW02|\x05",
			"c > MDPC02|\x01|echo|a|b", "w < |MDPW02|\x02|e-1||a|b",
			"w > |MDPW02|\x03|e-1||A", "c < MDPC02|\x02|echo|A",
			"w > |MDPW02|\x04|e-1||B", "c < MDPC02|\x03|echo|B",
			"w > |MDPW02|\x06",
		},
		"majortomo's client has the numbers of workers, and no service in replies": {
			"w > MDPW02|\x01|echo",
			"c > |MDPC02|\x02|echo|a", "w < MDPW02|\x02|e-1||a",
			"w > MDPW02|\x03|e-1||A", "c < |MDPC02|\x03|A",
			"w > MDPW02|\x04|e-1||B", "c < |MDPC02|\x04|B",
			"c > |MDPC02|\x02|mmi.service|echo", "c < |MDPC02|\x04|200",
			"c ! |MDPC02|\x01|echo|b",
		},
		"a client of MDP/0.2 begins with an empty frame": {
			"w > MDPW02|\x01|echo",
			"c > |MDPC02|\x01|echo|a", "w < MDPW02|\x02|e-1||a",
			"w > MDPW02|\x03|e-1||A", "c < |MDPC02|\x02|echo|A",
			"w > MDPW02|\x04|e-1||B", "c < |MDPC02|\x03|echo|B",
			"c ! |MDPC02|\x02|echo|b",
		},
		"libmdp's client and pyzmq-mdp2's have no commands": {
			"w > MDPW02|\x01|echo",
			"c > |MDPC02|echo|a", "w < MDPW02|\x02|e-1||a",
			"w > MDPW02|\x03|e-1||A", // one reply to each request
			"w > MDPW02|\x04|e-1||B", "c < |MDPC02|echo|B",
			"c > |MDPC02|mmi.service|echo", "c < |MDPC02|mmi.service|200",
		},
		"zmq-mdp2's commands are digits": {
			"w > MDPW02|1|echo",
			"+1875ms", "w < MDPW02|5",
			"w > MDPW02|5",
			"c > MDPC02|1|echo|7|{}", "w < MDPW02|2|e-1||7|{}",
			"w > MDPW02|3|e-1||7|[]", "c < MDPC02|2|echo|7|[]",
			"w > MDPW02|4|e-1||7|{}", "c < MDPC02|3|echo|7|{}",
			"w > MDPW02|6",
			"v > MDPW02|5", "v < MDPW02|6",
		},
	} {
		t.Run(name, func(t *testing.T) { newStage(t, desk.Limits{}).Play(script...) })
	}
}

// The first message that has a command fixes the spelling; what is of none fixes nothing.
func TestPeerKeepsTheSpellingOfItsFirstCommand(t *testing.T) {
	newStage(t, desk.Limits{}).Play(
		"w ! MDPW02|9", "w ! |MDPW02|01|echo", "w > |MDPW02|\x01|echo",
		"w ! MDPW02|\x05", "w < |MDPW02|\x06",
		"v ! |MDPW01|001|echo", "v > |MDPW01|01|echo",
		"v ! |MDPW01|\x04", "v < |MDPW01|05",
		"c ! |MDPC02|\x03|echo|a", "c ! |MDPC02||a", "c > |MDPC02|echo|a",
	)
}

// What stands in for the empty frame is told from a reply to nothing.
func TestEmptyFrameIsMissedBehindATokenOfNothing(t *testing.T) {
	newStage(t, desk.Limits{}).Play(
		"w > |MDPW01|\x01|echo", "v > |MDPW01|\x01|echo",
		"c > |MDPC01|echo|a", "w < |MDPW01|\x02|e-1||a",
		"v ! |MDPW01|\x03|e-1|stolen", "v < |MDPW01|\x05",
		"w > |MDPW01|\x03|e-1|A", "c < |MDPC01|echo|A",
		"w ! |MDPW01|\x03|e-1|A", "w < |MDPW01|\x05",
	)
}

func TestCommandsInErrorsAreShort(t *testing.T) {
	for command, want := range map[string]string{
		"\x31":                     "a worker's command 0x31",
		"\x07":                     "a worker's command 0x07",
		"":                         "a worker's command of 0 bytes",
		strings.Repeat("x", 1<<20): "a worker's command of 1048576 bytes",
	} {
		s := newStage(t, desk.Limits{})
		s.Play("w > |MDPW01|\x01|echo")
		err := s.Hear(s.Peer("w"), [][]byte{{}, []byte("MDPW01"), []byte(command)})
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		s.Said = nil
	}
}
