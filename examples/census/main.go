// Command census counts a source tree with worker processes: every file goes to one of
// them through a broker, as a typed call, and what was found in it comes back. One worker
// is killed on the way. Start with census.go and worker.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// usage is what -help prints.
const usage = `Usage: census [-workers N] [-slow D] [DIR]

Count a source tree with worker processes, by calls through a broker. DIR is the tree;
without one it is Go's own sources.

  -workers N   worker processes (4)
  -slow D      how much longer than it needs a worker takes for each file, so that there
               is time to watch (0s)
`

// workerArgument makes this program a worker: census worker BROKER REGISTRY SUBSCRIBER SLOW.
const workerArgument = "worker"

// options are what the command line says.
type options struct {
	dir     string
	workers int
	slow    time.Duration
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program. It returns the exit code: 0 if all answers are right, 1 if not, 2
// for wrong use.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 5 && args[0] == workerArgument {
		return exitCode(work(args[1], args[2], args[3], args[4]), stderr)
	}
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "census: %v\n%s", err, usage)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal does not wait
	return exitCode(census(ctx, o, stdout), stderr)
}

// parse reads a command line.
func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("census", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&o.workers, "workers", 4, "")
	flags.DurationVar(&o.slow, "slow", 0, "")
	if err = flags.Parse(args); err == nil && (flags.NArg() > 1 || o.workers < 1 || o.workers > 256 || o.slow < 0) {
		err = errors.New("want 1 to 256 workers, -slow of 0s or more, and one DIR at most")
	}
	o.dir = flags.Arg(0)
	return o, err
}

// exitCode says what went wrong, if something did, and returns the exit code.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintf(stderr, "census: %v\n", err)
	return 1
}
