package mdp_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
)

// watch is what must hold of what the broker says to a peer.
type watch struct {
	requests, replies int
	worker            bool   // it was sent something as one
	silent            bool   // a DISCONNECT went one way or the other
	final             string // its command for a last reply; empty if it has none
}

// spelled reports whether a message has the header of a worker and then a command, in
// any spelling.
func spelled(message string, commands ...string) bool {
	header, rest, _ := strings.Cut(strings.TrimPrefix(message, "|"), "|")
	return strings.HasPrefix(header, "MDPW0") && slices.Contains(commands, header[5:]+rest)
}

// isReady and isDisconnect report whether a message is one, in any spelling.
func isReady(message string) bool {
	service := strings.LastIndex(message, "|")
	return service > 0 && spelled(message[:service], "1\x01", "101", "2\x01", "21")
}

func isDisconnect(message string) bool { return spelled(message, "1\x05", "105", "2\x06", "26") }

// finalOf returns the command of the last reply to a client's request.
func finalOf(message string) string {
	commands := map[string]string{"MDPC02|\x01": "\x03", "|MDPC02|\x01": "\x03", "|MDPC02|\x02": "\x04", "MDPC02|1": "3"}
	for begins, final := range commands {
		if strings.HasPrefix(message, begins+"|") {
			return final
		}
	}
	return ""
}

// FuzzRead has several peers say anything to a broker of both versions: bytes say who
// speaks, how long after the last one, and which frames, of which many are of the
// protocol.
func FuzzRead(f *testing.F) {
	f.Add([]byte{0, 0, 2, 0, 3, 1, 1, 4, 2, 0, 2, 0, 5, 0})
	f.Add([]byte{2, 40, 13, 9, 16, 4, 3, 9, 20, 2, 0, 15, 16, 4, 1, 7, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte("a broker without sockets, and what peers may say to it"))
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 100 {
		tape := make([]byte, 20*n)
		for i := range tape {
			tape[i] = byte(random.Uint32())
		}
		f.Add(tape)
	}
	f.Fuzz(func(t *testing.T, tape []byte) {
		w := world{newStage(t, desk.Limits{Queue: 4, Requests: 8, Services: 4, Workers: 3, KeyAge: time.Second}), map[string]*watch{}}
		for len(tape) >= 3 {
			tape = w.step(tape)
		}
		w.end()
	})
}

// world is a stage on which anything happens.
type world struct {
	*dialecttest.Script
	peers map[string]*watch
}

// words are frames of the protocol.
func words() []string {
	return []string{
		"", "MDPC01", "MDPW01", "MDPC02", "MDPW02", "\x01", "\x02", "\x03", "\x04", "\x05", "\x06",
		"01", "02", "03", "1", "2", "4",
		"echo", "sum", "mmi.service", "mmi.workers", "mmi.services", "e-1", "e-2", "e-3", "e-4", "hi", "\xff\x00",
	}
}

// openings are the beginnings of messages, so that many are understood.
func openings() []string {
	return []string{
		"", "|MDPC01|echo", "|MDPC01|sum", "|MDPC01|mmi.service", "|MDPW01|\x01|echo", "|MDPW01|\x03|e-1||", "|MDPW01|\x03|e-2||", "|MDPW01|\x04", "|MDPW01|\x05",
		"MDPC02|\x01|echo", "MDPC02|\x01|sum", "MDPW02|\x01|echo", "MDPW02|\x01|sum", "MDPW02|\x03|e-1||", "MDPW02|\x04|e-1||", "MDPW02|\x04|e-3||", "MDPW02|\x05", "MDPW02|\x06",
		"|MDPW01|01|echo", "|MDPW01|03|e-1||", "|MDPW01|05", "|MDPW02|\x01|echo", "|MDPW02|\x04|e-1|", "|MDPW02|\x06",
		"|MDPC02|\x02|echo", "|MDPC02|\x01|echo", "|MDPC02|echo", "MDPC02|1|echo", "MDPW02|1|sum", "MDPW02|4|e-1||", "MDPW02|6",
	}
}

// step has one peer say something. It returns the rest of the tape.
func (w *world) step(tape []byte) []byte {
	from := desk.Peer{Socket: int(tape[0] % 2), ID: string(rune('a' + tape[0]%7))}
	w.Wait(time.Duration(tape[0]>>4) * 100 * time.Millisecond)
	w.check()
	opening := openings()[int(tape[1])%len(openings())]
	var message [][]byte
	if opening != "" {
		message = dialecttest.Frames(opening)
	}
	more := int(tape[2] % 6)
	tape = tape[3:]
	for ; more > 0 && len(tape) > 0; more-- {
		word := words()[int(tape[0])%len(words())]
		if tape[0] > 250 {
			word = string(tape[:min(len(tape), int(tape[0]-250))])
		}
		message = append(message, []byte(word))
		tape = tape[1:]
	}
	registered := w.Desk.Registered(from)
	before := w.Desk.Counters().Requests
	err := w.Hear(from, message)
	w.note(from, int(w.Desk.Counters().Requests-before), joined(message))
	if err != nil && registered && w.Desk.Registered(from) {
		w.Fatalf("%q said %q, and is a worker still", from.ID, message)
	}
	w.check()
	return tape
}

// note notes what was heard of a peer, before what the broker said to it.
func (w *world) note(from desk.Peer, requests int, message string) {
	p := w.watched(w.Name(from))
	p.requests += requests
	if requests > 0 {
		p.final = finalOf(message)
	}
	switch {
	case isReady(message):
		p.silent = false
	case w.Speakers[from] == nil, !isDisconnect(message):
	case !w.Desk.Registered(from) && len(w.Said) == 0:
		p.silent = p.worker // else it was an error
	}
}

func (w *world) watched(id string) *watch {
	p := w.peers[id]
	if p == nil {
		p = new(watch)
		w.peers[id] = p
	}
	return p
}

// check looks at what the broker said.
func (w *world) check() {
	for _, line := range w.Said {
		id, said, _ := strings.Cut(line, " < ")
		p := w.watched(id)
		message := dialecttest.Frames(said)
		first := message[0]
		if len(first) == 0 {
			first = message[1]
		}
		switch string(first) {
		case "MDPC01", "MDPC02":
			behind := strings.SplitAfterN(said, string(first)+"|", 2)[1]
			if strings.HasPrefix(behind, p.final) && !strings.Contains(said, "mmi.") {
				p.replies++
			}
		case "MDPW01", "MDPW02":
			if p.silent {
				w.Fatalf("%s was sent %q after a DISCONNECT", id, said)
			}
			p.worker = true
			p.silent = isDisconnect(said)
		default:
			w.Fatalf("said %q", line)
		}
		if p.replies > p.requests {
			w.Fatalf("%s has %d replies to %d requests", id, p.replies, p.requests)
		}
	}
	w.Said = nil
	workers := 0
	for at, speaker := range w.Speakers {
		if w.Desk.Registered(at) {
			workers++
			if speaker.Idle() {
				w.Fatalf("the worker %q is idle", at.ID)
			}
		}
	}
	if workers != w.Desk.Load().Workers {
		w.Fatalf("%d workers of %d", workers, w.Desk.Load().Workers)
	}
}

// end has all go, and looks whether anything is left.
func (w *world) end() {
	w.Wait(2 * time.Hour)
	for at, speaker := range w.Speakers {
		if !speaker.Idle() {
			w.Fatalf("%q is not idle at the end", at.ID)
		}
	}
	if l := w.Desk.Load(); l != (desk.Load{}) {
		w.Fatalf("left: %+v", l)
	}
}

func joined(message [][]byte) string {
	var parts []string
	for _, frame := range message {
		parts = append(parts, string(frame))
	}
	return strings.Join(parts, "|")
}
