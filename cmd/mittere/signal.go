package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// exitSignal is what shells add the number of a signal to that ended a command.
const exitSignal = 128

// signalled is the cause of a context that a signal ended.
type signalled syscall.Signal

// Error returns the name of the signal.
func (s signalled) Error() string { return syscall.Signal(s).String() }

// untilSignal returns a context that ends when the process is interrupted or
// terminated. A second signal ends the process at once. A signal that was ignored when the
// process began stays ignored: a script's shell so keeps an interrupt from its background.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() { // ends with the process
		first := <-signals
		cancel(signalled(first.(syscall.Signal)))
		again := <-signals
		dieOf(again.(syscall.Signal))
	}()
	return ctx
}

// dieOf ends the process by a signal, which is how a shell knows that a loop around
// the command is to end as well.
func dieOf(s syscall.Signal) {
	signal.Reset(s)
	_ = syscall.Kill(os.Getpid(), s)
	time.Sleep(time.Second) // any thread may be the one that gets it
	os.Exit(exitSignal + int(s))
}

// signalOf returns the signal that ended a command. One that serves is meant to be
// terminated, and ends by itself when it could do so in good order.
func signalOf(ctx context.Context, called *cobra.Command, err error) (s syscall.Signal, ended bool) {
	var cause signalled
	if !errors.As(context.Cause(ctx), &cause) {
		return 0, false
	}
	s = syscall.Signal(cause)
	return s, s != syscall.SIGTERM || err != nil || called.Annotations[serving] == ""
}

// serving marks the commands that serve until they are terminated.
const serving = "serving"
