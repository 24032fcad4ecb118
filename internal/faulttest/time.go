package faulttest

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// Length is how long something is broken again and again: the seconds in the variable
// FAULT_SECONDS, or 3.
func Length(t testing.TB) time.Duration {
	t.Helper()
	text := os.Getenv("FAULT_SECONDS")
	if text == "" {
		return 3 * time.Second
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(seconds * float64(time.Second))
}

// Again breaks something for that long, twelve times if it is long, and returns how
// often it did.
func Again(t testing.TB, broken func()) (times int) {
	t.Helper()
	length := Length(t)
	tick := time.NewTicker(min(max(length/12, 500*time.Millisecond), 5*time.Second))
	defer tick.Stop()
	for end := time.Now().Add(length); time.Now().Before(end); times++ {
		<-tick.C
		broken()
	}
	return times
}
