package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// help is what -help prints.
const help = `Census counts a source tree with worker processes, by calls through a broker, and
checks the totals against a count without messages.

Usage: census [flags] [DIR]

DIR is the tree to count; without one it is Go's own sources.

  -workers N     worker processes (4)
  -out W         files that are out at once (4 for each worker)
  -patience D    how long a file may be out, whoever has it (1m)
  -slow D        how much longer than it needs a worker takes for each file, so
                 that there is time to watch (0s)
  -json          print the totals as JSON, and all text on standard error
  -help          print this

Exit codes: 0 totals are right, 1 they are wrong or something failed, 2 wrong
use, 130 and 143 interrupted.

Examples:

  census                             Go's own sources
  census /usr/include                another tree
  census -workers 2 -slow 20ms .     time to watch the broker, as the run says
  census -json . | jq .totals.lines  for scripts
`

// workerFlag makes the program a worker: census -worker BROKER REGISTRY SUBSCRIBER
// SLOW. It is not in the help, since only the program itself uses it.
const workerFlag = "-worker"

const (
	// mostWorkers is more than any machine has use for.
	mostWorkers = 256
	// mostOut is how many files may be out; each has a goroutine that waits for it.
	mostOut = 1000
)

// options are what the command line says.
type options struct {
	dir      string
	workers  int
	out      int           // files at once
	patience time.Duration // for each file
	slow     time.Duration // for each file, of a worker
	json     bool

	broker, registry, subscriber string // where a worker connects to
}

// usageError is an error that whoever typed the command can mend.
type usageError struct{ error }

// Unwrap returns what is wrong.
func (e *usageError) Unwrap() error { return e.error }

// errHelp asks for help.
var errHelp = flag.ErrHelp

// parseOptions reads a command line.
func parseOptions(args []string) (options, error) {
	if len(args) == 5 && args[0] == workerFlag {
		slow, err := time.ParseDuration(args[4])
		return options{broker: args[1], registry: args[2], subscriber: args[3], slow: slow}, err
	}
	var o options
	flags := flag.NewFlagSet("census", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are returned, and help is above
	flags.IntVar(&o.workers, "workers", 4, "")
	flags.IntVar(&o.out, "out", 0, "")
	flags.DurationVar(&o.patience, "patience", time.Minute, "")
	flags.DurationVar(&o.slow, "slow", 0, "")
	flags.BoolVar(&o.json, "json", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, errHelp) {
			return o, err
		}
		return o, wrongUse("%v", err)
	}
	o.dir = flags.Arg(0)
	if o.out == 0 {
		o.out = min(filesAtOnce*o.workers, mostOut)
	}
	return o, o.err(flags.NArg())
}

// err returns what is wrong with the values.
func (o options) err(args int) error {
	const longest = 24 * time.Hour
	switch {
	case args > 1:
		return wrongUse("%d arguments, want one DIR at most, after the flags", args)
	case o.workers < 1 || o.workers > mostWorkers:
		return wrongUse("-workers %d: want 1 to %d", o.workers, mostWorkers)
	case o.out < 1 || o.out > mostOut:
		return wrongUse("-out %d: want 1 to %d", o.out, mostOut)
	case o.patience < time.Millisecond || o.patience > longest:
		return wrongUse("-patience %v: want 1ms to 24h", o.patience)
	case o.slow < 0 || o.slow > longest:
		return wrongUse("-slow %v: want 0s to 24h", o.slow)
	default:
		return nil
	}
}

// wrongUse returns a usageError that says where to read more.
func wrongUse(format string, args ...any) error {
	return &usageError{fmt.Errorf(format+"; see census -help", args...)}
}

// isWorker reports whether this process is to be a worker.
func (o options) isWorker() bool { return o.broker != "" }
