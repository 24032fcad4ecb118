package faulttest

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// Length is how long something is loaded, or broken again and again: the seconds in the
// variable FAULT_SECONDS, or 1.
func Length(t testing.TB) time.Duration {
	t.Helper()
	text := os.Getenv("FAULT_SECONDS")
	if text == "" {
		return time.Second
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || seconds <= 0 {
		t.Fatalf("FAULT_SECONDS=%q: want a positive number", text)
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
