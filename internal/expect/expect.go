// Package expect has what the tests of several packages ask for: a value or the end of the test,
// and a wait for what happens soon. It stands beside the layers and is used by tests alone.
package expect

import (
	"testing"
	"time"
)

// Patience ends tests that would hang for ever; nothing is measured with it.
const Patience = time.Minute

// Must takes what a constructor returns: Must(NewX(...))(t) is the X, and an error ends the
// test.
func Must[T any](made T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		OK(t, err)
		return made
	}
}

// OK ends the test if there is an error.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Eventually waits for what nothing announces, and ends the test if it does not happen.
func Eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !happened(); time.Sleep(time.Millisecond) { // between two looks
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
	}
}

// Receive takes from a channel to which something is sent soon, and ends the test if nothing
// is.
func Receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(Patience):
		t.Fatalf("timed out: %s", what)
		panic("unreachable")
	}
}
