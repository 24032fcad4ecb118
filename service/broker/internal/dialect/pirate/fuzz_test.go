package pirate_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
)

// FuzzRead has clients, workers and a peer of MDP say anything: bytes say who speaks,
// how long after the last one, and which frames, of which many are of the protocol.
func FuzzRead(f *testing.F) {
	f.Add([]byte{0, 0, 2, 0, 3, 1, 1, 4, 2, 0, 2, 0, 5, 0})
	f.Add([]byte{2, 40, 13, 9, 16, 4, 3, 9, 20, 2, 0, 15, 16, 4, 1, 7, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte("a broker without sockets, and what pirates may say to it"))
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 100 {
		tape := make([]byte, 20*n)
		for i := range tape {
			tape[i] = byte(random.Uint32())
		}
		f.Add(tape)
	}
	f.Fuzz(func(t *testing.T, tape []byte) {
		limits := desk.Limits{Queue: 4, Requests: 8, Services: 4, Workers: 3, KeyAge: time.Second}
		w := newWorld(t, limits)
		for len(tape) >= 3 {
			tape = w.step(tape)
		}
		w.end()
	})
}

// world is a stage on which anything happens.
type world struct {
	*dialecttest.Script
	owed map[string]int    // replies to each client at most
	last map[string]string // token that each worker was given
}

func newWorld(t *testing.T, limits desk.Limits) *world {
	return &world{newStage(t, limits), map[string]int{}, map[string]string{}}
}

// speakersOf returns who speaks on a world's stage.
func speakersOf() []string { return []string{"c1", "c2", "u", "v", "w", "bin", "mw"} }

// words are frames of the protocol.
func words() []string {
	return []string{"", "\x01", "\x02", "READY", "HEARTBEAT", "<Heartbeat w>", "<Heartbeat >", "e-1", "e-2", "e-3", "f-1", "hi", "\xff\x00", "\x00\x00\x00\x00"}
}

// openings are the beginnings of messages, so that many are understood; TOKEN is the
// last that the peer was given.
func openings() []string {
	return []string{
		"", "\x01", "\x02", "READY", "HEARTBEAT", "|READY", "<Heartbeat w>", "|\x01", "|", "far||", "hi", "TOKEN||", "TOKEN||A", "e-3||A", "|TOKEN||", "|TOKEN||HI", "|f-1||hi",
		"|MDPW01|\x01|echo", "|MDPW01|\x03|e-1||HI", "|MDPC01|echo|hi",
	}
}

// step has one peer say something. It returns the rest of the tape.
func (w *world) step(tape []byte) []byte {
	name := speakersOf()[int(tape[0])%len(speakersOf())]
	w.Wait(time.Duration(tape[0]>>4) * 100 * time.Millisecond)
	if tape[0]%16 == 15 {
		w.Keep(true)
	}
	w.check()
	opening := openings()[int(tape[1])%len(openings())]
	message := frames(strings.ReplaceAll(opening, "TOKEN", w.last[name]))
	more := int(tape[2] % 4)
	tape = tape[3:]
	for ; more > 0 && len(tape) > 0; more-- {
		word := string(frames(words()[int(tape[0])%len(words())])[0])
		if tape[0] > 250 {
			word = string(tape[:min(len(tape), int(tape[0]-250))])
		}
		message = append(message, []byte(word))
		tape = tape[1:]
	}
	registered := w.Desk.Registered(w.Peer(name))
	before := w.Desk.Counters().Requests
	err := w.Hear(w.Peer(name), message)
	w.owed[name] += int(w.Desk.Counters().Requests - before)
	if err != nil && registered && w.Desk.Registered(w.Peer(name)) {
		w.Fatalf("%q said %q, and is a worker still", name, message)
	}
	w.check()
	return tape
}

// check looks at what the broker said, and what it knows.
func (w *world) check() {
	for _, line := range w.Said {
		name, said, _ := strings.Cut(line, " < ")
		switch at := w.Peer(name); {
		case at.Socket == frontSocket:
			if w.owed[name]--; w.owed[name] < 0 {
				w.Fatalf("%s was told %q, and asked for nothing", name, said)
			}
		case at.Socket == backSocket && !isForWorkers(said):
			w.Fatalf("the worker %s was told %q", name, said)
		case strings.HasPrefix(strings.TrimPrefix(said, "|"), "e-"):
			w.last[name], _, _ = strings.Cut(strings.TrimPrefix(said, "|"), "|")
		}
	}
	w.Said = nil
	workers := 0
	for at, speaker := range w.Speakers {
		if !w.Desk.Registered(at) {
			continue
		}
		workers++
		if speaker.Idle() {
			w.Fatalf("the worker %q is idle", at.ID)
		}
	}
	if workers != w.Desk.Load().Workers {
		w.Fatalf("%d workers of %d", workers, w.Desk.Load().Workers)
	}
}

// isForWorkers reports whether a message is one that workers understand.
func isForWorkers(said string) bool {
	return said == "\x02" || said == "HEARTBEAT" || strings.HasPrefix(said, "<Heartbeat ") || said == "\x00\x00\x00\x00||" ||
		strings.HasPrefix(strings.TrimPrefix(said, "|"), "e-")
}

// end has all go, and looks whether anything is left. A REQ must be found gone, or it
// lives for ever.
func (w *world) end() {
	for at := range w.Speakers {
		if at.Socket == backSocket {
			w.Perform(w.Desk.Gone(w.Now, at))
		}
	}
	w.passIdly(2 * time.Hour)
	for at, speaker := range w.Speakers {
		if !speaker.Idle() {
			w.Fatalf("%q is not idle at the end", at.ID)
		}
	}
	if l := w.Desk.Load(); l != (desk.Load{}) {
		w.Fatalf("left: %+v", l)
	}
}

// passIdly lets time pass in which there is no session to keep.
func (w *world) passIdly(by time.Duration) {
	for until := w.Now + by; w.Now < until; {
		w.Now = until
		if at, ok := w.Desk.Next(); ok {
			w.Now = min(at, until)
		}
		w.Perform(w.Desk.Tick(w.Now))
	}
}

// What the seeds of the fuzz target reach, so that it is known to test something.
func TestFuzzingReachesTheProtocol(t *testing.T) {
	w := newWorld(t, desk.Limits{})
	random := rand.New(rand.NewPCG(3, 4))
	tape := make([]byte, 50_000)
	for i := range tape {
		tape[i] = byte(random.Uint32())
	}
	for len(tape) >= 3 {
		tape = w.step(tape)
	}
	c := w.Desk.Counters()
	for name, n := range map[string]uint64{
		"requests": c.Requests, "answers": c.Answered, "repetitions": c.Redelivered, "late": c.Late, "foreign": c.Foreign, "dead": c.Died,
	} {
		if n < 10 {
			t.Errorf("%d %s", n, name)
		}
	}
	kept := 0
	for _, speaker := range w.Speakers {
		if _, ok := speaker.(dialect.Keeper); ok {
			kept++
		}
	}
	if kept != 4 {
		t.Errorf("%d workers of 4", kept)
	}
}
