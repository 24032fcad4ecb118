package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// help is what -help prints.
const help = `Census counts a source tree with worker processes, by messages, and checks the
totals against a count without them.

Usage: census [flags] [DIR]

DIR is the tree to count; without one it is Go's own sources.

  -workers N     worker processes (4)
  -out W         files that are out at once (4 for each worker)
  -patience D    how long a file is without answer before it is asked for
                 again (2s)
  -json          print the totals as JSON, and all text on standard error
  -help          print this

Exit codes: 0 totals are right, 1 they are wrong or something failed, 2 wrong
use, 130 and 143 interrupted.

Examples:

  census                             Go's own sources
  census /usr/include                another tree
  census -workers 2 -patience 500ms  fewer workers, less patience
  census -json . | jq .totals.lines  for scripts
`

// workerFlag makes the program a worker: census -worker ROUTER SUBSCRIBER. It is
// not in the help, since only the program itself uses it.
const workerFlag = "-worker"

// serviceFlag makes the program an instance of the service: census -service
// REGISTRY. It is not in the help either.
const serviceFlag = "-service"

// mostWorkers is more than any machine has use for.
const mostWorkers = 256

// options are what the command line says.
type options struct {
	dir     string
	workers int
	limits  limits
	json    bool

	router, subscriber string // where a worker connects to
	registry           string // where an instance of the service registers
}

// usageError is an error that whoever typed the command can mend.
type usageError struct{ error }

// Unwrap returns what is wrong.
func (e *usageError) Unwrap() error { return e.error }

// errHelp asks for help.
var errHelp = flag.ErrHelp

// parseOptions reads a command line.
func parseOptions(args []string) (options, error) {
	if len(args) == 3 && args[0] == workerFlag {
		return options{router: args[1], subscriber: args[2]}, nil
	}
	if len(args) == 2 && args[0] == serviceFlag {
		return options{registry: args[1]}, nil
	}
	o := options{limits: limits{bytes: largestFile, attempts: 5, giveUp: time.Minute}}
	flags := flag.NewFlagSet("census", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are returned, and help is above
	flags.IntVar(&o.workers, "workers", 4, "")
	flags.IntVar(&o.limits.files, "out", 0, "")
	flags.DurationVar(&o.limits.patience, "patience", 2*time.Second, "")
	flags.BoolVar(&o.json, "json", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, errHelp) {
			return o, err
		}
		return o, wrongUse("%v", err)
	}
	o.dir = flags.Arg(0)
	if o.limits.files == 0 {
		o.limits.files = 4 * o.workers
	}
	return o, o.err(flags.NArg())
}

// err returns what is wrong with the values.
func (o options) err(args int) error {
	switch {
	case args > 1:
		return wrongUse("%d arguments, want one DIR at most, after the flags", args)
	case o.workers < 1 || o.workers > mostWorkers:
		return wrongUse("-workers %d: want 1 to %d", o.workers, mostWorkers)
	case o.limits.files < 1:
		return wrongUse("-out %d: want at least 1", o.limits.files)
	case o.limits.patience < time.Millisecond || o.limits.patience > 24*time.Hour:
		return wrongUse("-patience %v: want 1ms to 24h", o.limits.patience)
	default:
		return nil
	}
}

// wrongUse returns a usageError that says where to read more.
func wrongUse(format string, args ...any) error {
	return &usageError{fmt.Errorf(format+"; see census -help", args...)}
}

// isWorker reports whether this process is to be a worker.
func (o options) isWorker() bool { return o.router != "" }

// isService reports whether this process is to be an instance of the service.
func (o options) isService() bool { return o.registry != "" }

// beat returns how often the coordinator looks at the clock.
func (o options) beat() time.Duration {
	return max(time.Millisecond, min(o.limits.patience/4, 100*time.Millisecond))
}
