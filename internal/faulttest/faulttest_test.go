package faulttest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
)

// judged is a test of which is known what it said.
type judged struct {
	testing.TB
	logged, failed string
}

func (j *judged) Log(args ...any)                   { j.logged += fmt.Sprint(args...) }
func (j *judged) Errorf(format string, args ...any) { j.failed += fmt.Sprintf(format+"\n", args...) }
func (j *judged) Error(args ...any)                 { j.failed += fmt.Sprintln(args...) }

// store makes a call of an item that ends with an error.
func store(ta *faulttest.Tally, item uint64, err error) {
	ta.Store(item, err)
	_ = ta.One("Store", time.Minute, func(context.Context) error { return err })
}

func TestTallyFailsForWhatMayNotBe(t *testing.T) {
	refused := messaging.Errorf(messaging.Unavailable, "not now").AsRefused()
	for fault, bring := range map[string]func(*faulttest.Tally){
		faulttest.Lost: func(ta *faulttest.Tally) {
			_ = ta.One("Store", -time.Minute, func(ctx context.Context) error { return nil })
		},
		faulttest.Twice: func(ta *faulttest.Tally) { ta.Audit(map[uint64]int{1: 1, 2: 2}) },
		faulttest.Refused: func(ta *faulttest.Tally) {
			store(ta, 3, refused)
			ta.Audit(map[uint64]int{1: 1, 3: 1})
		},
		faulttest.Wrong: func(ta *faulttest.Tally) { store(ta, 4, fmt.Errorf("%w: 5", faulttest.ErrWrong)) },
		"answered and not executed": func(ta *faulttest.Tally) {
			store(ta, 5, nil)
			ta.Audit(map[uint64]int{1: 1})
		},
		faulttest.Untyped:  func(ta *faulttest.Tally) { store(ta, 6, errors.New("what")) },
		faulttest.WhenDead: func(ta *faulttest.Tally) { ta.Fault(faulttest.WhenDead, "%d", 1) },
	} {
		ta := faulttest.NewTally()
		store(ta, 1, nil)
		bring(ta)
		j := &judged{TB: t}
		ta.Report(j, "", "")
		if !strings.Contains(j.failed, fault) || strings.Count(j.failed, "\n") != 1 {
			t.Errorf("%s: the test failed with %q", fault, j.failed)
		}
	}
}

func TestTallyCountsRepliesAndTypedErrors(t *testing.T) {
	ta := faulttest.NewTally()
	store(ta, 1, nil)
	store(ta, 2, messaging.Errorf(messaging.Unavailable, "who knows"))
	ta.Audit(map[uint64]int{1: 1, 2: 1})
	j := &judged{TB: t}
	ta.Report(j, "before", "after")
	if j.failed != "" {
		t.Errorf("the test failed with %q", j.failed)
	}
	for _, want := range []string{"before", "Store              2          1  map[CODE_UNAVAILABLE:1]", "lost 0", "after", "who knows"} {
		if !strings.Contains(j.logged, want) {
			t.Errorf("%q is not in the report %q", want, j.logged)
		}
	}
	if ta.Replies("Store") != 1 || ta.Errors("Store")[messaging.Unavailable] != 1 {
		t.Errorf("%d replies and the errors %v", ta.Replies("Store"), ta.Errors("Store"))
	}
	if ta.WantNoErrors(j, "Store"); j.failed == "" {
		t.Error("errors are none")
	}
}

func TestTallyWithoutCallsFails(t *testing.T) {
	j := &judged{TB: t}
	if faulttest.NewTally().Report(j, "", ""); j.failed == "" {
		t.Error("the test did not fail")
	}
}

func TestProcessSaysWhatItIsAskedAndEnds(t *testing.T) {
	p := faulttest.Start(t, "greeter", "you")
	if whom := p.Await("hello "); whom != "you" {
		t.Errorf("it greets %q", whom)
	}
	p.Halt()
	p.Continue()
	for want := 1; want <= 3; want++ {
		var asked int
		if p.Ask(&asked); asked != want {
			t.Errorf("it was asked %d times, want %d", asked, want)
		}
	}
	p.Terminate()
}

func TestJournalCountsAcrossProcesses(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a", "b"} {
		note := faulttest.Journal(folder, name)
		for _, item := range []uint64{1, 1 << 63} {
			if err := note(item); err != nil {
				t.Fatal(err)
			}
		}
	}
	if times := faulttest.Executed(t, folder); len(times) != 2 || times[1] != 2 || times[1<<63] != 2 {
		t.Errorf("executed: %v", times)
	}
}

func TestAgainBreaksSomethingAtLeastOnce(t *testing.T) {
	t.Setenv("FAULT_SECONDS", "0.1")
	n := 0
	if times := faulttest.Again(t, func() { n++ }); times != 1 || n != 1 {
		t.Errorf("%d times, and %d", times, n)
	}
}
