package main

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// ledger is the bookkeeping of who is asked for which file. It is pure state:
// what happened and the time go in, questions come out of next. It knows no
// socket, no clock and no process. A file is named by its place in the list, a
// worker by its process id.
//
// A worker is never declared dead. One that leaves a file without answer is
// silent until it is heard again, and the file is asked for again, of another.
// That is right for a worker that was killed, for one that hangs, for one that is
// slow and for a message that was lost: from here they look alike.
type ledger struct {
	limits    limits
	files     []entry
	fresh     int              // the first file that nobody was asked for
	again     []int            // to be asked for again; some may be settled since
	out       map[int]question // by file
	outBytes  int64
	members   []*member // in the order in which they joined
	unsettled int
	repeated  int
}

// limits bound what a ledger asks for.
type limits struct {
	files    int           // out at once
	bytes    int64         // out at once; a file that is larger goes alone
	patience time.Duration // until a file is asked for again; twice that the next time
	attempts int           // a file is given up after so many,
	giveUp   time.Duration // and so long after the first of them
}

// slowest is the rate at which an answer to a large file may take longer than
// patience, in bytes a second.
const slowest = 64 << 20

// entry is one file.
type entry struct {
	size     int64
	attempts int
	first    time.Time // when it was asked for first
	asked    int64     // the worker that was asked last
	settled  bool      // answered, unreadable or given up
}

// member is one worker.
type member struct {
	worker   int64
	out      int // files that it is asked for
	answered int
	silent   bool
}

// question is a file that a worker is asked for.
type question struct {
	file     int
	worker   int64
	deadline time.Time
}

// newLedger returns the ledger of files with these sizes.
func newLedger(sizes []int64, l limits) *ledger {
	files := make([]entry, len(sizes))
	for i, size := range sizes {
		files[i].size = size
	}
	return &ledger{limits: l, files: files, out: map[int]question{}, unsettled: len(files)}
}

// joined enters a worker.
func (l *ledger) joined(worker int64) {
	if l.member(worker) == nil {
		l.members = append(l.members, &member{worker: worker})
	}
}

// answered takes an answer. It reports whether the answer counts: whether it is
// the first one to a file that was asked for.
func (l *ledger) answered(worker int64, file int) bool {
	if m := l.member(worker); m != nil {
		m.silent = false
		m.answered++
	}
	if file < 0 || file >= len(l.files) || l.files[file].attempts == 0 {
		return false
	}
	return l.settle(file)
}

// unreadable takes out a file that cannot be sent.
func (l *ledger) unreadable(file int) { l.settle(file) }

// ticked lets time pass. Where patience has ended, the file is to be asked for
// again, or given up.
func (l *ledger) ticked(now time.Time) {
	for _, file := range slices.Sorted(maps.Keys(l.out)) {
		if q := l.out[file]; !q.deadline.After(now) {
			l.member(q.worker).silent = true
			l.overdue(file, now)
		}
	}
}

// overdue takes a file back from its worker.
func (l *ledger) overdue(file int, now time.Time) {
	e := l.files[file]
	if e.attempts >= l.limits.attempts && now.Sub(e.first) >= l.limits.giveUp {
		l.settle(file)
		return
	}
	l.release(file)
	l.again = append(l.again, file)
}

// next returns a question that is to be asked now, if there is one.
func (l *ledger) next(now time.Time) (q question, ok bool) {
	file, waits := l.waiting()
	if !waits || len(l.members) == 0 || !l.room(l.files[file].size) {
		return question{}, false
	}
	return l.ask(file, now), true
}

// done reports whether every file is settled.
func (l *ledger) done() bool { return l.unsettled == 0 }

// askedAgain returns how many files were asked for more than once.
func (l *ledger) askedAgain() int { return l.repeated }

// outAt returns how many files a worker is asked for.
func (l *ledger) outAt(worker int64) int { return l.member(worker).out }

// waiting returns the file that is to be asked for next.
func (l *ledger) waiting() (file int, ok bool) {
	for len(l.again) > 0 && l.files[l.again[0]].settled {
		l.again = l.again[1:]
	}
	if len(l.again) > 0 {
		return l.again[0], true
	}
	return l.fresh, l.fresh < len(l.files)
}

// room reports whether one more file of this size may be out.
func (l *ledger) room(size int64) bool {
	return len(l.out) == 0 || len(l.out) < l.limits.files && l.outBytes+size <= l.limits.bytes
}

// ask hands a waiting file to the worker that is best asked.
func (l *ledger) ask(file int, now time.Time) question {
	if file == l.fresh {
		l.fresh++
	} else {
		l.again = l.again[1:]
	}
	e, m := &l.files[file], l.best(l.files[file].asked)
	switch e.attempts {
	case 0:
		e.first = now
	case 1:
		l.repeated++
	}
	q := question{file: file, worker: m.worker, deadline: now.Add(l.patience(e))}
	e.attempts++
	e.asked = m.worker
	m.out++
	l.outBytes += e.size
	l.out[file] = q
	return q
}

// patience returns how long the next answer to a question may take.
func (l *ledger) patience(e *entry) time.Duration {
	return l.limits.patience<<min(e.attempts, 16) + time.Duration(e.size)*time.Second/slowest
}

// best returns the worker that has fewest files, and of those the one that
// answered fewest. Who is silent, or was asked for the file before, comes last.
func (l *ledger) best(before int64) *member {
	return slices.MinFunc(l.members, func(a, b *member) int {
		return cmp.Or(
			falseFirst(a.silent, b.silent),
			falseFirst(a.worker == before, b.worker == before),
			cmp.Compare(a.out, b.out),
			cmp.Compare(a.answered, b.answered))
	})
}

// falseFirst compares two bools.
func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return +1
	}
}

// settle marks a file as done with. It returns false if it was already.
func (l *ledger) settle(file int) bool {
	if l.files[file].settled {
		return false
	}
	l.release(file)
	l.files[file].settled = true
	l.unsettled--
	return true
}

// release takes a file off its worker, if it is with one.
func (l *ledger) release(file int) {
	q, out := l.out[file]
	if !out {
		return
	}
	delete(l.out, file)
	l.member(q.worker).out--
	l.outBytes -= l.files[file].size
}

// member returns a worker, nil if it is not known.
func (l *ledger) member(worker int64) *member {
	for _, m := range l.members {
		if m.worker == worker {
			return m
		}
	}
	return nil
}
