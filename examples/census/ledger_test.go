package main

import (
	"testing"
	"time"
)

// start is a moment at which tests begin.
var start = time.Unix(0, 0)

// after returns a moment so long after the start.
func after(d time.Duration) time.Time { return start.Add(d) }

// overdue is when patience with a small file that was asked for at the start has
// ended; its few bytes add less than a microsecond.
var overdue = after(time.Second + time.Microsecond)

// testLimits are small enough to reach.
func testLimits() limits {
	return limits{files: 4, bytes: 100, patience: time.Second, attempts: 3}
}

// newTestLedger returns a ledger of n files of 10 bytes with these workers.
func newTestLedger(n int, workers ...int64) *ledger {
	sizes := make([]int64, n)
	for i := range sizes {
		sizes[i] = 10
	}
	l := newLedger(sizes, testLimits())
	for _, w := range workers {
		l.joined(w)
	}
	return l
}

// questions returns all that is to be asked now.
func questions(l *ledger, now time.Time) (list []question) {
	for q, ok := l.next(now); ok; q, ok = l.next(now) {
		list = append(list, q)
	}
	return list
}

// wantAsked fails unless exactly these pairs of file and worker are asked now.
func wantAsked(t *testing.T, l *ledger, now time.Time, want ...[2]int64) {
	t.Helper()
	got := questions(l, now)
	if len(got) != len(want) {
		t.Fatalf("asked %v, want %v", got, want)
	}
	for i, q := range got {
		if int64(q.file) != want[i][0] || q.worker != want[i][1] {
			t.Errorf("question %d: file %d of worker %d, want %v", i, q.file, q.worker, want[i])
		}
	}
}

func TestNobodyIsAskedBeforeSomebodyJoins(t *testing.T) {
	l := newTestLedger(1)
	wantAsked(t, l, start)
	l.joined(7)
	wantAsked(t, l, start, [2]int64{0, 7})
}

func TestAnEmptyListIsDoneAtOnce(t *testing.T) {
	if l := newTestLedger(0); !l.done() {
		t.Error("not done")
	}
}

func TestFilesAreSpreadOverWorkers(t *testing.T) {
	l := newTestLedger(4, 7, 8)
	wantAsked(t, l, start, [2]int64{0, 7}, [2]int64{1, 8}, [2]int64{2, 7}, [2]int64{3, 8})
}

func TestOfWorkersWithAsManyFilesTheOneThatAnsweredLessIsAsked(t *testing.T) {
	l := newTestLedger(6, 7, 8)
	questions(l, start)
	l.answered(7, 0)
	l.answered(8, 1)
	l.answered(7, 2)
	l.answered(7, 4) // not asked for; the work was done
	wantAsked(t, l, start, [2]int64{4, 7}, [2]int64{5, 8})
}

func TestNoMoreFilesThanTheLimitAreOut(t *testing.T) {
	l := newTestLedger(6, 7)
	if n := len(questions(l, start)); n != 4 {
		t.Errorf("%d files out, want 4", n)
	}
	l.answered(7, 2)
	wantAsked(t, l, start, [2]int64{4, 7})
}

func TestNoMoreBytesThanTheLimitAreOutAndALargerFileGoesAlone(t *testing.T) {
	l := newLedger([]int64{60, 50, 1000, 1}, testLimits())
	l.joined(7)
	wantAsked(t, l, start, [2]int64{0, 7})
	l.answered(7, 0)
	wantAsked(t, l, start, [2]int64{1, 7})
	l.answered(7, 1)
	wantAsked(t, l, start, [2]int64{2, 7})
	l.answered(7, 2)
	wantAsked(t, l, start, [2]int64{3, 7})
}

func TestFileWithoutAnswerIsAskedForAgainOfAnotherWorker(t *testing.T) {
	l := newTestLedger(2, 7, 8)
	questions(l, start)
	l.answered(8, 1)
	l.ticked(after(time.Second))
	wantAsked(t, l, after(time.Second))
	l.ticked(overdue)
	wantAsked(t, l, overdue, [2]int64{0, 8})
	if l.askedAgain() != 1 {
		t.Errorf("%d files asked for again, want 1", l.askedAgain())
	}
}

func TestSilentWorkerIsNotAskedUntilItIsHeard(t *testing.T) {
	l := newTestLedger(8, 7, 8)
	questions(l, start) // 0 and 2 of 7, 1 and 3 of 8
	l.answered(8, 1)
	l.answered(8, 3)
	questions(l, after(time.Second/2)) // 4 and 5 of 8
	l.ticked(overdue)
	wantAsked(t, l, overdue, [2]int64{0, 8}, [2]int64{2, 8})
	l.answered(8, 4)
	wantAsked(t, l, overdue, [2]int64{6, 8})
	l.answered(7, 0)
	wantAsked(t, l, overdue, [2]int64{7, 7})
}

func TestTheOnlyWorkerIsAskedAgainAlthoughItIsSilent(t *testing.T) {
	l := newTestLedger(1, 7)
	questions(l, start)
	l.ticked(overdue)
	wantAsked(t, l, overdue, [2]int64{0, 7})
}

func TestPatienceDoublesAndGrowsWithTheFile(t *testing.T) {
	l := newLedger([]int64{slowest}, testLimits())
	l.joined(7)
	for _, want := range []time.Duration{2, 3, 5} { // 1, 2, 4, and 1 for the size
		list := questions(l, start)
		if got := list[0].deadline; got != after(want*time.Second) {
			t.Errorf("deadline %v, want %v seconds", got, want)
		}
		l.ticked(list[0].deadline)
	}
}

func TestFileThatNobodyAnswersIsGivenUp(t *testing.T) {
	l := newTestLedger(1, 7, 8)
	for range testLimits().attempts {
		if l.done() {
			t.Fatal("given up early")
		}
		l.ticked(questions(l, start)[0].deadline)
	}
	if !l.done() {
		t.Error("not given up")
	}
	wantAsked(t, l, start)
}

func TestFileIsNotGivenUpBeforeItsTime(t *testing.T) {
	l := newTestLedger(1, 7)
	l.limits.giveUp = time.Minute
	now := start
	for n := 0; !l.done(); n++ {
		if n > 5 { // 1 s, 2 s, 4 s ... end after 63 s
			t.Fatal("not given up")
		}
		now = questions(l, now)[0].deadline
		l.ticked(now)
	}
	if now.Before(after(time.Minute)) {
		t.Errorf("given up at %v", now)
	}
}

func TestAnAnswerCountsOnce(t *testing.T) {
	l := newTestLedger(1, 7, 8)
	questions(l, start)
	l.ticked(overdue)
	questions(l, overdue)
	if !l.answered(8, 0) {
		t.Error("the first answer does not count")
	}
	if l.answered(7, 0) {
		t.Error("the second answer counts")
	}
}

func TestLateAnswerCountsAndSparesTheSecondQuestion(t *testing.T) {
	l := newTestLedger(1, 7, 8)
	questions(l, start)
	l.ticked(overdue)
	if !l.answered(7, 0) {
		t.Error("the late answer does not count")
	}
	wantAsked(t, l, overdue)
	if !l.done() || l.askedAgain() != 0 {
		t.Errorf("done %v, %d asked again; want true, 0", l.done(), l.askedAgain())
	}
}

func TestAnswerToWhatWasNotAskedDoesNotCount(t *testing.T) {
	l := newTestLedger(9, 7)
	questions(l, start)
	for _, file := range []int{-1, 4, 9, 1 << 62} {
		if l.answered(7, file) {
			t.Errorf("the answer to file %d counts", file)
		}
	}
}

func TestUnreadableFileIsSettled(t *testing.T) {
	l := newTestLedger(1, 7)
	questions(l, start)
	l.unreadable(0)
	if !l.done() || l.outAt(7) != 0 {
		t.Errorf("done %v with %d out, want true with 0", l.done(), l.outAt(7))
	}
}
