package native_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
	"github.com/mittere/mittere/service/broker/internal/dialect/native"
)

// partial has a worker of MDP/0.2 send a part of its answer to a delivery, and final the end.
func (s *stage) partial(worker string, delivery int, text string) {
	s.Helper()
	s.frames(worker, fmt.Sprintf("MDPW02|\x03|e-%d||%s", delivery, dialecttest.TextEnvelope(s, text)))
}

func (s *stage) final(worker string, delivery int, text string) {
	s.Helper()
	s.frames(worker, fmt.Sprintf("MDPW02|\x04|e-%d||%s", delivery, dialecttest.TextEnvelope(s, text)))
}

// majordomos have workers of MDP/0.2 serve "echo".
func (s *stage) majordomos(names ...string) {
	s.Helper()
	for _, name := range names {
		s.frames(name, "MDPW02|\x01|echo")
	}
}

func withCredit(items uint32) func(*mitterev1.Request) {
	return func(k *mitterev1.Request) { k.Credit = items }
}

func ofAll(k *mitterev1.Request) { k.Target = &mitterev1.Target{Kind: mitterev1.Target_KIND_ALL} }

// wantNothingKept checks that nothing is known of a client's streams.
func (s *stage) wantNothingKept(client string) {
	s.Helper()
	if streams, bytes := native.Kept(s.Speakers[peer(client)]); streams != 0 || bytes != 0 {
		s.Errorf("%d streams and %d bytes are kept", streams, bytes)
	}
}

// A worker that heeds no credit sends all at once; its client reads when it likes.
func TestStreamOfAWorkerWithoutCreditComesWhole(t *testing.T) {
	const items, window = 1000, 64
	for name, behind := range map[string]int{"quick": 1, "half a window": window / 2, "slow": items} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.client("c")
			s.majordomos("m")
			s.mustAsk("c", 1, withCredit(window))
			s.said = nil
			read, unread := 0, 0
			reads := func() {
				for len(s.said) > 0 {
					unread += len(s.said)
					for _, line := range s.said {
						read++
						want := fmt.Sprintf("c < Item 1 #%d item %d", read, read)
						if read == items+1 {
							want = fmt.Sprintf("c < Reply 1 of m #%d end", items)
						}
						if line != want {
							t.Fatalf("got %q, want %q", line, want)
						}
					}
					s.said = nil
					if unread >= window/2 && read <= items {
						s.must("c", &mitterev1.Credit{Call: 1, Items: uint32(unread)})
						unread = 0
					}
				}
			}
			for i := range items {
				s.partial("m", 1, fmt.Sprintf("item %d", i+1))
				if (i+1)%behind == 0 {
					reads()
				}
			}
			s.final("m", 1, "end")
			reads()
			if read != items+1 {
				t.Errorf("%d came", read)
			}
			s.wantNothingKept("c")
		})
	}
}

func TestWhatIsKeptOfAStreamIsBounded(t *testing.T) {
	for name, c := range map[string]struct{ room, size int }{
		"items": {native.MostKept, 1},
		"bytes": {native.MostCallKept / (1 << 20), 1<<20 - 1<<10},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.client("c")
			s.majordomos("m")
			s.mustAsk("c", 1, withCredit(2))
			s.said = nil
			text := strings.Repeat("x", c.size)
			for range 2 + c.room {
				s.partial("m", 1, text)
			}
			s.want("c < Item 1 #1 "+text, "c < Item 1 #2 "+text)
			s.partial("m", 1, text)
			s.want("c < Reply 1 of m RESOURCE_EXHAUSTED #2")
			// Later items are dropped.
			s.partial("m", 1, text)
			s.must("c", &mitterev1.Credit{Call: 1, Items: 100})
			s.want()
			s.KeepOne(peer("c"), false)
			if l := s.Desk.Load(); l.Calls != 0 || l.InFlight != 1 {
				t.Errorf("got %+v", l)
			}
			s.wantNothingKept("c")
			s.partial("m", 1, text)
			s.final("m", 1, "end")
			s.want()
			s.mustAsk("c", 2) // and the worker is free
			s.want(`m < MDPW02|\x02|e-2||hi`)
		})
	}
}

// A session has a bound as well, whatever the number of its calls.
func TestWhatIsKeptOfASessionIsBounded(t *testing.T) {
	s := newStage(t)
	s.client("c")
	const calls, each = 6, 12
	text := strings.Repeat("x", 1<<20)
	ended := 0
	for call := 1; call <= calls; call++ {
		s.majordomos(fmt.Sprint("m", call))
		s.mustAsk("c", uint64(call), withCredit(1))
		for range 1 + each {
			s.partial(fmt.Sprint("m", call), call, text)
		}
	}
	for _, line := range s.said {
		if strings.Contains(line, "RESOURCE_EXHAUSTED") {
			ended++
		}
	}
	if _, bytes := native.Kept(s.Speakers[peer("c")]); ended != 1 || bytes > native.MostKeptBytes || bytes < native.MostKeptBytes-each<<20 {
		t.Errorf("%d calls ended, and %d bytes are kept", ended, bytes)
	}
}

// The desk has done with the call, of which its client has read nothing yet.
func TestBrokerThatStopsEndsTheStreamsThatItKeeps(t *testing.T) {
	s := newStage(t)
	s.client("c")
	s.majordomos("m")
	s.mustAsk("c", 1, withCredit(1))
	s.said = nil
	s.partial("m", 1, "x")
	s.partial("m", 1, "y")
	s.final("m", 1, "end")
	s.want("c < Item 1 #1 x")
	s.Perform(s.Desk.Shut(s.Now))
	s.Perform(s.Desk.End(s.Now))
	s.said = nil
	s.tellAll("c", s.Speakers[peer("c")].(dialect.Keeper).Bye())
	s.want("c < Reply 1 of m UNAVAILABLE #1", "c < Disconnect UNAVAILABLE refused")
	s.wantNothingKept("c")
}

// Too much of one worker is no reason to end what others send.
func TestTooMuchOfOneWorkerEndsItsPartAlone(t *testing.T) {
	for name, last := range map[string]bool{"before the others": false, "after the others": true} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.client("c")
			s.majordomos("m", "n")
			s.mustAsk("c", 1, withCredit(1), ofAll)
			s.said = nil
			if last {
				s.final("n", 2, "N")
				s.want("c < Reply 1 of n more N")
			}
			for range 2 + native.MostKept {
				s.partial("m", 1, "x")
			}
			if last {
				s.want("c < Item 1 #1 of m x", "c < Reply 1 of m RESOURCE_EXHAUSTED #1")
			} else {
				s.want("c < Item 1 #1 of m x", "c < Reply 1 of m RESOURCE_EXHAUSTED more #1")
				s.partial("n", 2, "y")
				s.final("m", 1, "end")
				s.final("n", 2, "N")
				s.want("c < Item 1 #1 of n y", "c < Reply 1 of n #1 N")
			}
			s.KeepOne(peer("c"), false)
			s.want()
			if l := s.Desk.Load(); l.Calls != 0 {
				t.Errorf("got %+v", l)
			}
			s.wantNothingKept("c")
		})
	}
}

func TestWhatIsKeptIsFreedWithItsStream(t *testing.T) {
	for name, end := range map[string]func(*stage){
		"cancel":     func(s *stage) { s.must("c", &mitterev1.Cancel{Call: 1}) },
		"disconnect": func(s *stage) { s.must("c", &mitterev1.Disconnect{}) },
		"Hello":      func(s *stage) { s.must("c", &mitterev1.Hello{}) },
		"silence":    func(s *stage) { s.pass(4 * heartbeat) },
		"time": func(s *stage) {
			s.pass(2 * heartbeat)
			if n := len(s.said); n != 1 || s.said[0] != "c < Reply 1 of m DEADLINE_EXCEEDED #1" {
				s.Errorf("got %q", s.said)
			}
		},
	} {
		for _, ended := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ended %v", name, ended), func(t *testing.T) {
				s := newStage(t)
				s.client("c")
				s.majordomos("m")
				s.mustAsk("c", 1, withCredit(1), func(k *mitterev1.Request) { k.TimeoutNano = int64(2 * heartbeat) })
				for range 10 {
					s.partial("m", 1, "x")
				}
				if ended {
					s.final("m", 1, "end")
				}
				if _, bytes := native.Kept(s.Speakers[peer("c")]); bytes == 0 {
					t.Fatal("nothing is kept")
				}
				s.said = nil
				end(s)
				s.wantNothingKept("c")
				if l := s.Desk.Load(); l.Calls != 0 {
					t.Errorf("got %+v", l)
				}
			})
		}
	}
}

// The number of a call belongs to it until its client has the end.
func TestCallThatIsReadSlowlyKeepsItsNumber(t *testing.T) {
	s := newStage(t)
	s.client("c")
	s.majordomos("m")
	s.mustAsk("c", 1, withCredit(1))
	s.partial("m", 1, "a")
	s.partial("m", 1, "b")
	s.final("m", 1, "end")
	s.said = nil
	s.mustAsk("c", 1)
	s.want("c < Reply 1 of b INVALID_ARGUMENT refused")
	s.must("c", &mitterev1.Credit{Call: 1, Items: 1})
	s.want("c < Item 1 #2 b", "c < Reply 1 of m #2 end")
	s.mustAsk("c", 1)
	s.want(`m < MDPW02|\x02|e-2||hi`)
}

// The end of a worker that was lost is behind what it had sent.
func TestLossOfAWorkerIsBehindItsItems(t *testing.T) {
	s := newStage(t)
	s.client("c")
	s.majordomos("m")
	s.mustAsk("c", 1, withCredit(1))
	s.partial("m", 1, "a")
	s.partial("m", 1, "b")
	s.said = nil
	s.frames("m", "MDPW02|\x06")
	s.want()
	s.must("c", &mitterev1.Credit{Call: 1, Items: 1})
	s.want("c < Item 1 #2 b", "c < Reply 1 of m UNAVAILABLE #2")
	s.wantNothingKept("c")
}

// TestStreamsOfAnyOrderKeepThePromises has workers and a client say what they may in any
// order: a client gets no more than it gave credit for, in order, and one end.
func TestStreamsOfAnyOrderKeepThePromises(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for range 300 {
		runStream(t, random)
	}
}

// runStream is one call of three workers, of which one keeps to its credit.
func runStream(t *testing.T, random *rand.Rand) {
	s := newStage(t, native.WithHeartbeat(30*time.Second))
	s.client("c")
	workers := []string{"m", "n", "v"}
	s.majordomos("m", "n")
	s.worker("v", "echo")
	first := uint32(1 + random.IntN(3))
	s.mustAsk("c", 1, withCredit(first), ofAll)
	s.said = nil
	credit, sent, got, open := map[string]uint32{}, map[string]uint32{}, map[string]uint32{}, map[string]bool{}
	for _, w := range workers {
		credit[w], open[w] = first, true
	}
	ended := false
	look := func() {
		for _, line := range s.said {
			var worker, text string
			var index uint32
			switch fields := strings.Fields(line); {
			case fields[0] != "c":
				continue
			case fields[2] == "Item":
				_, err := fmt.Sscanf(line, "c < Item 1 #%d of %s %s", &index, &worker, &text)
				got[worker]++
				if err != nil || ended || index != got[worker] || index > credit[worker] || text != fmt.Sprint(index) {
					t.Fatalf("got %q, with credit for %d", line, credit[worker])
				}
			case fields[2] == "Reply":
				worker = fields[5]
				delete(open, worker)
				more := slices.Contains(fields, "more")
				if ended || more != (len(open) > 0) || got[worker] != sent[worker] {
					t.Fatalf("got %q after %d of %d items, with %v open", line, got[worker], sent[worker], open)
				}
				ended = !more
			default:
				t.Fatalf("got %q", line)
			}
		}
		s.said = nil
	}
	running := map[string]bool{"m": true, "n": true, "v": true}
	for step := 0; !ended; step++ {
		w, delivery := workers[random.IntN(3)], 0
		delivery = slices.Index(workers, w) + 1
		switch choice := random.IntN(8); {
		case choice == 0 || step > 100:
			items := uint32(1 + random.IntN(3))
			credit[w] += items
			s.must("c", &mitterev1.Credit{Call: 1, Items: items, Instance: w})
			if step > 100 && running[w] {
				running[w] = false
				s.end(w, delivery, sent[w])
			}
		case choice == 1:
			for _, each := range workers {
				credit[each]++
			}
			s.must("c", &mitterev1.Credit{Call: 1, Items: 1})
		case !running[w]:
		case choice == 2:
			running[w] = false
			s.end(w, delivery, sent[w])
		case w == "v" && sent[w] < credit[w]:
			sent[w]++
			s.must(w, &mitterev1.Item{Call: uint64(delivery), Index: uint64(sent[w])}, fmt.Sprint(sent[w]))
		case w != "v":
			sent[w]++
			s.partial(w, delivery, fmt.Sprint(sent[w]))
		}
		look()
	}
	s.wantNothingKept("c")
	if l := s.Desk.Load(); l != (desk.Load{Services: 1, Workers: 3}) {
		t.Fatalf("left: %+v", l)
	}
}

// endSession has a worker end its answer.
func (s *stage) end(worker string, delivery int, sent uint32) {
	if worker == "v" {
		s.must(worker, &mitterev1.Reply{Call: uint64(delivery), Index: uint64(sent)}, "end")
	} else {
		s.final(worker, delivery, "end")
	}
}
