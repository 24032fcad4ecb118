package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// world is everything around a ledger, played by chance: workers that join,
// answer, answer twice, answer nonsense or fall silent, and time.
type world struct {
	t       *testing.T
	chance  *rand.Rand
	ledger  *ledger
	now     time.Time
	workers int64
	asked   []question   // ever
	counted map[int]bool // files whose answer counted
	gone    map[int]bool // files that were unreadable
}

// newWorld returns a world whose history its seed determines.
func newWorld(t *testing.T, seed uint64) *world {
	chance := rand.New(rand.NewPCG(seed, seed))
	sizes := make([]int64, chance.IntN(60))
	for i := range sizes {
		sizes[i] = chance.Int64N(150) // some beyond the limit of 100
	}
	limits := testLimits()
	limits.attempts = 1000 // nothing is given up
	return &world{t: t, chance: chance, ledger: newLedger(sizes, limits), now: start,
		counted: map[int]bool{}, gone: map[int]bool{}}
}

// step lets one thing happen, and everything be asked that is then to be asked.
func (w *world) step() {
	switch w.chance.IntN(8) {
	case 0:
		w.join()
	case 1:
		w.now = w.now.Add(time.Duration(w.chance.Int64N(int64(3 * time.Second))))
		w.ledger.ticked(w.now)
	case 2:
		w.answer(w.chance.Int64N(5), w.chance.IntN(70)-5)
	default:
		if len(w.asked) > 0 {
			q := w.asked[w.chance.IntN(len(w.asked))]
			w.answer(q.worker, q.file)
		}
	}
	w.ask()
	w.check()
}

// join lets a worker join; sometimes one that has.
func (w *world) join() {
	if w.workers < 4 {
		w.workers++
	}
	w.ledger.joined(1 + w.chance.Int64N(w.workers))
}

// ask asks all that is to be asked.
func (w *world) ask() {
	for _, q := range questions(w.ledger, w.now) {
		if w.counted[q.file] || w.gone[q.file] {
			w.t.Fatalf("file %d is asked for although it is settled", q.file)
		}
		if q.worker < 1 || q.worker > w.workers {
			w.t.Fatalf("worker %d is asked, which never joined", q.worker)
		}
		w.asked = append(w.asked, q)
		if w.chance.IntN(20) == 0 {
			w.gone[q.file] = true
			w.ledger.unreadable(q.file)
		}
	}
}

// answer lets a worker answer.
func (w *world) answer(worker int64, file int) {
	if !w.ledger.answered(worker, file) {
		return
	}
	if w.counted[file] || w.gone[file] {
		w.t.Fatalf("file %d counts twice", file)
	}
	w.counted[file] = true
}

// check checks what always holds.
func (w *world) check() {
	l, outAt, bytes := w.ledger, map[int64]int{}, int64(0)
	for file, q := range l.out {
		outAt[q.worker]++
		bytes += l.files[file].size
	}
	for _, m := range l.members {
		if m.out != outAt[m.worker] {
			w.t.Fatalf("worker %d has %d files out, the ledger says %d", m.worker, outAt[m.worker], m.out)
		}
	}
	switch {
	case len(l.out) > l.limits.files:
		w.t.Fatalf("%d files out", len(l.out))
	case bytes != l.outBytes || bytes > l.limits.bytes && len(l.out) > 1:
		w.t.Fatalf("%d bytes out in %d files, the ledger says %d", bytes, len(l.out), l.outBytes)
	case l.unsettled != len(l.files)-len(w.counted)-len(w.gone):
		w.t.Fatalf("%d files unsettled of %d with %d counted", l.unsettled, len(l.files), len(w.counted))
	}
}

// comeToAnEnd has a worker that answers everything join.
func (w *world) comeToAnEnd() {
	const faithful = 99
	w.workers = faithful
	w.ledger.joined(faithful)
	for range 1000 {
		w.ask()
		for _, q := range w.ledger.out {
			if q.worker == faithful {
				w.answer(faithful, q.file)
			}
		}
		w.now = w.now.Add(time.Minute)
		w.ledger.ticked(w.now)
		w.check()
	}
	if !w.ledger.done() {
		w.t.Fatalf("%d files unsettled at the end", w.ledger.unsettled)
	}
}

func TestLedgerHoldsItsRulesWhateverHappens(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			for range 300 {
				w.step()
			}
			w.comeToAnEnd()
		})
	}
}
