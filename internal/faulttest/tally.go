package faulttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/messaging/message"
)

// ErrWrong is the error of a call whose answer is not that to its request.
var ErrWrong = errors.New("wrong answer")

// What may not be.
const (
	// Lost calls have neither a reply nor an error a second after their deadline.
	Lost = "lost"
	// Twice is what was executed more than once and may not be.
	Twice = "executed twice"
	// Refused is what was executed though the caller was told that it never would be.
	Refused = "executed though refused"
	// Wrong answers are not those to their requests, or of who cannot have given them.
	Wrong = "wrong"
	// Untyped errors are of no type that programs know.
	Untyped = "untyped"
	// WhenDead is what was called after it was known to be dead.
	WhenDead = "called when dead"
)

// grace is how long after its deadline a call may end.
const grace = time.Second

// Tally is an account of calls. All methods may be called by any number of goroutines
// at once.
type Tally struct {
	mu       sync.Mutex // guards what follows
	requests map[string]int
	replies  map[string]int
	errors   map[string]map[message.Code]int // typed ones, by kind of call
	samples  map[string]error                // one of each kind and code
	faults   map[string][]string             // by what it is
	stored   map[uint64]fate
	slowest  time.Duration
}

// fate is what a caller knows of an item.
type fate uint8

const (
	done    fate = iota // it was executed
	refused             // it was not, and never will be
	unknown
)

// NewTally returns an account without calls.
func NewTally() *Tally {
	return &Tally{
		requests: map[string]int{}, replies: map[string]int{}, errors: map[string]map[message.Code]int{},
		samples: map[string]error{}, faults: map[string][]string{}, stored: map[uint64]fate{},
	}
}

// One makes a call of a kind that may take so long, accounts for it and returns its
// error.
func (ta *Tally) One(kind string, limit time.Duration, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	began := time.Now()
	err := call(ctx)
	took := time.Since(began)

	ta.mu.Lock()
	defer ta.mu.Unlock()
	ta.requests[kind]++
	ta.slowest = max(ta.slowest, took)
	if took > limit+grace {
		ta.fault(Lost, "%s took %v: %v", kind, took, err)
	}
	switch typed := (*message.Error)(nil); {
	case err == nil:
		ta.replies[kind]++
	case errors.Is(err, ErrWrong):
		ta.fault(Wrong, "%v", err)
	case errors.As(err, &typed):
		ta.failed(kind, err)
	default:
		ta.fault(Untyped, "%s: %v of type %T", kind, err, err)
	}
	return err
}

// failed accounts for a typed error, under the lock.
func (ta *Tally) failed(kind string, err error) {
	code := message.CodeOf(err)
	if ta.errors[kind] == nil {
		ta.errors[kind] = map[message.Code]int{}
	}
	ta.errors[kind][code]++
	ta.samples[kind+" "+code.String()] = err
}

// Fault notes what may not be.
func (ta *Tally) Fault(what, format string, args ...any) {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	ta.fault(what, format, args...)
}

func (ta *Tally) fault(what, format string, args ...any) {
	ta.faults[what] = append(ta.faults[what], fmt.Sprintf(format, args...))
}

// Store notes what the caller knows of an item that it had executed once, by the error
// of that.
func (ta *Tally) Store(item uint64, err error) {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	switch {
	case err == nil:
		ta.stored[item] = done
	case message.Refused(err):
		ta.stored[item] = refused
	default:
		ta.stored[item] = unknown
	}
}

// Audit compares what callers know with how often items were executed.
func (ta *Tally) Audit(times map[uint64]int) {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	for item, n := range times {
		if n > 1 {
			ta.fault(Twice, "item %d was executed %d times", item, n)
		}
	}
	for item, fate := range ta.stored {
		switch {
		case fate == done && times[item] == 0:
			ta.fault(Wrong, "item %d was answered and not executed", item)
		case fate == refused && times[item] > 0:
			ta.fault(Refused, "item %d", item)
		}
	}
}

// Report prints the account, with a line before and one after it, and fails the test for
// what may not be.
func (ta *Tally) Report(t testing.TB, before, after string) {
	t.Helper()
	ta.mu.Lock()
	defer ta.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%-9s %10s %10s  typed errors\n", before, "", "requests", "replies")
	for _, kind := range slices.Sorted(maps.Keys(ta.requests)) {
		fmt.Fprintf(&b, "%-9s %10d %10d  %v\n", kind, ta.requests[kind], ta.replies[kind], ta.errors[kind])
	}
	for _, fault := range []string{Lost, Twice, Refused, Wrong, Untyped, WhenDead} {
		fmt.Fprintf(&b, "%s %d; ", fault, len(ta.faults[fault]))
	}
	fmt.Fprintf(&b, "slowest call %v\n%s", ta.slowest.Round(time.Millisecond), after)
	for _, kind := range slices.Sorted(maps.Keys(ta.samples)) {
		fmt.Fprintf(&b, "\n%s: %v", kind, ta.samples[kind])
	}
	t.Log(b.String())
	for what, all := range ta.faults {
		t.Errorf("%s: %d, such as %s", what, len(all), all[0])
	}
	if len(ta.requests) == 0 {
		t.Error("no calls were made")
	}
}

// Replies returns how many calls of a kind were answered.
func (ta *Tally) Replies(kind string) int {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	return ta.replies[kind]
}

// Errors returns how many calls of a kind ended with a typed error, by code.
func (ta *Tally) Errors(kind string) map[message.Code]int {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	return maps.Clone(ta.errors[kind])
}

// WantNoErrors fails the test unless all calls of these kinds were answered.
func (ta *Tally) WantNoErrors(t testing.TB, kinds ...string) {
	t.Helper()
	for _, kind := range kinds {
		if errors := ta.Errors(kind); len(errors) > 0 {
			t.Errorf("calls of %s failed: %v", kind, errors)
		}
	}
}
