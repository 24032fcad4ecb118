// Command census counts a source tree with worker processes: every file goes to
// one of them through a broker, as a typed call, and what was found in it comes
// back. It shows the broker, its workers and its clients at work; start with
// coordinator.go and worker.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program. It returns the exit code: 0 if the totals are right, 1 if
// they are wrong or something failed, 2 for wrong use, 128 and the number of the
// signal that ended it.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args)
	switch {
	case errors.Is(err, errHelp):
		_, err = io.WriteString(stdout, help)
	case err == nil && o.isWorker():
		err = work(o)
	case err == nil:
		err = census(o, stdout, stderr)
	}
	return exitCode(err, stderr)
}

// census counts a tree twice, with messages and without, and reports.
func census(o options, stdout, stderr io.Writer) error {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	text := stdout
	if o.json { // then stdout is for programs
		text = stderr
	}
	t, err := openTree(ctx, o.dir)
	if err != nil {
		return err
	}
	s := newScreen(text)
	s.print(introduction(t, o))
	r, err := coordinate(ctx, t, o, s)
	if err != nil {
		return err
	}
	s.print("  the same without messages, to compare\n")
	if err := r.verify(ctx); err != nil {
		return err
	}
	s.print(r.text())
	if o.json {
		err = r.writeJSON(stdout)
	}
	return errors.Join(r.verdict(), err)
}

// exitCode says what went wrong, if something did, and returns the exit code.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	code := 1
	if wrong := (*usageError)(nil); errors.As(err, &wrong) {
		code = 2
	}
	if ended := (*interruption)(nil); errors.As(err, &ended) {
		err, code = ended, 128+int(ended.signal.(syscall.Signal))
	}
	fmt.Fprintf(stderr, "census: %v\n", err)
	return code
}
