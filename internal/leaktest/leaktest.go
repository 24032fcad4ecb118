package leaktest

import (
	"flag"
	"fmt"
	"io"
	"os"
	"testing"
	"time"
)

const (
	// patience is how long a thing that a test has closed may take to end:
	// sockets linger, and threads and goroutines end when they are next run.
	patience = 5 * time.Second

	// pause stands between two looks. Nothing announces the end of a thread
	// or a descriptor, so looking again is the only way.
	pause = 10 * time.Millisecond
)

// Main runs the tests of a package and ends the process. Its exit code is that
// of the tests, or 1 if they passed and left something open, which is then
// listed on standard error. A test package has one line for it:
//
//	func TestMain(m *testing.M) { leaktest.Main(m) }
//
// Descriptors and threads are looked for where there is a /proc. The processes that
// tests start take SIGINT, also if the tests run in the background of a script.
func Main(m *testing.M) {
	heedInterrupt()
	os.Exit(run(m, os.Stderr, patience))
}

// runner is the part of *testing.M that is used here.
type runner interface {
	Run() int
}

// A probe knows one kind of thing that can be left open.
type probe struct {
	what string        // heading of the report, in the plural
	left func() string // lists what is open now, "" if nothing is
}

func run(m runner, report io.Writer, patience time.Duration) int {
	probes := []probe{contexts(), threads(), descriptors(), goroutines()}
	if code := m.Run(); code != 0 || fuzzWorker() {
		return code
	}
	leaks := await(probes, patience)
	for _, leak := range leaks {
		fmt.Fprintln(report, leak)
	}
	return min(len(leaks), 1)
}

// fuzzWorker reports whether this process only tries inputs for another one,
// which may end it in the middle of a call: what is open then says nothing.
func fuzzWorker() bool {
	f := flag.Lookup("test.fuzzworker")
	return f != nil && f.Value.String() == "true"
}

// await returns what is still open when patience ends, one text for each
// kind, and returns early when nothing is.
func await(probes []probe, patience time.Duration) []string {
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		leaks := look(probes)
		if len(leaks) == 0 || time.Now().After(deadline) {
			return leaks
		}
	}
}

func look(probes []probe) (leaks []string) {
	for _, p := range probes {
		if left := p.left(); left != "" {
			leaks = append(leaks, fmt.Sprintf("leaktest: %s left open:\n%s", p.what, left))
		}
	}
	return leaks
}
