// Command mittere is the command line of the Mittere messaging framework.
//
// Its exit code is 0 on success and 2 when it was called the wrong way: an
// unknown command, flag or argument.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes, for scripts that call the command.
const (
	exitOK    = 0
	exitUsage = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code of the process.
func run(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	called, err := root.ExecuteC()
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\nRun '%s --help' for usage.\n", root.Name(), err, called.CommandPath())
	}
	return exitCode(err)
}

// exitCode translates the error of a command. No command can fail yet but by
// the way it is called.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	return exitUsage
}

// newRoot puts the commands together.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "mittere",
		Short: "Typed messages, reactors and services over ZeroMQ",
		Long: `mittere is the command line of the Mittere messaging framework: messages and
services that are defined in .proto files, over ZeroMQ.`,
		Example: `  mittere version         the versions of Mittere and of what it is built with
  mittere help version    more about one command`,
		// run says what is wrong, once, and where to read on.
		SilenceErrors: true,
		SilenceUsage:  true,
		// Cobra's own command for shells answers a wrong name with success.
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(newVersion())
	refuseUnknownTopics(root)
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
