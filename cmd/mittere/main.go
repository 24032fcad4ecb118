// Command mittere is the command line of the Mittere messaging framework: it runs
// a registry or a broker, tells what services there are and how they are, and calls
// them.
//
// Its exit code is 0 on success, 2 when it was called the wrong way, such as with
// an unknown command, flag or argument, and 10 plus the code of the error when
// what it was asked to do failed. docs/cli.md has the list.
package main

import (
	"cmp"
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx := untilSignal()
	// A reader of the output that has enough, as head has, ends a call as an interrupt does; the
	// signal would end the process before the service hears of it.
	signal.Ignore(syscall.SIGPIPE)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	if code > exitSignal {
		dieOf(syscall.Signal(code - exitSignal))
	}
	os.Exit(code)
}

// streams are what a command reads and writes. Nothing but results goes to out.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run executes one command line and returns the exit code of the process: above
// exitSignal if it is to die of a signal. The end of ctx is an interrupt.
func run(ctx context.Context, args []string, s streams) int {
	root := newRoot()
	root.SetArgs(append([]string{}, args...)) // cobra takes nil for those of the process
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	called, err := root.ExecuteContextC(ctx)
	report(s.err, called, err)
	if s, ended := signalOf(ctx, called, err); ended {
		return exitSignal + int(s)
	}
	return exitCode(err)
}

// newRoot puts the commands together.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "mittere",
		Short: "Typed messages, reactors and services over ZeroMQ",
		Long: `mittere is the command line of the Mittere messaging framework: messages and
services that are defined in .proto files, over ZeroMQ.

Services are found by a registry, or reached through a broker: --broker, or
MITTERE_BROKER in the environment, in place of --registry or MITTERE_REGISTRY.

Only results go to standard output; -o json prints one JSON object a line.

Exit codes: 0 success, also when the reader of the output goes away; 2 wrong
usage; else 10 + the code of the error: 11 CANCELLED, 12 UNKNOWN,
13 INVALID_ARGUMENT, 14 DEADLINE_EXCEEDED, 15 NOT_FOUND, 16 ALREADY_EXISTS,
17 PERMISSION_DENIED, 18 RESOURCE_EXHAUSTED, 19 FAILED_PRECONDITION,
20 ABORTED, 21 OUT_OF_RANGE, 22 UNIMPLEMENTED, 23 INTERNAL, 24 UNAVAILABLE,
25 DATA_LOSS, 26 UNAUTHENTICATED. A command that is interrupted dies of the
signal, once it has cleaned up; a second signal ends it at once.`,
		Example: `  mittere registry                          run a registry
  mittere broker                            run a broker
  mittere services                          what is there
  mittere workers                           who serves at the broker
  mittere call calculator/Add '{"a":1,"b":2}'   call a method
  mittere help call                         more about one command`,
		// run says what is wrong, once, and where to read on.
		SilenceErrors: true,
		SilenceUsage:  true,
		// Cobra's own command for shells answers a wrong name with success.
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.Version = ownVersion(version, debug.ReadBuildInfo)
	g := &globals{}
	root.PersistentFlags().StringVar(&g.registry, "registry", cmp.Or(os.Getenv(registryVariable), defaultRegistry),
		"`endpoint` of the registry to ask; the environment's "+registryVariable+" is the default")
	root.PersistentFlags().StringVar(&g.broker, "broker", cmp.Or(os.Getenv(brokerVariable), defaultBroker),
		"`endpoint` of the broker to ask, in place of a registry; the environment's "+brokerVariable+" is the default")
	addEngineFlag(root)
	root.AddCommand(newRegistry(), newBroker(), newServices(g), newResolve(g), newWorkers(g), newDrain(g), newPing(g), newInfo(g),
		newStats(g), newCall(g), newCompletion(), newVersion())
	refuseUnknownTopics(root)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return hinted(err) })
	return root
}

// refuseUnknownTopics makes "mittere help nonsense" the error that "mittere
// nonsense" is; by default cobra prints help and calls it a success.
func refuseUnknownTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		return
	}
	help.Args = func(_ *cobra.Command, topic []string) error {
		_, _, err := root.Find(topic)
		return err
	}
}
