package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruption is why a run ended that a signal ended.
type interruption struct{ signal os.Signal }

// Error names the signal.
func (i *interruption) Error() string { return "stopped by signal: " + i.signal.String() }

// untilSignal returns a context that ends with the first SIGINT or SIGTERM, whose
// cause is then an *interruption. A second one ends the program at once, as
// signals do; the workers then see that their input is closed. stop takes
// everything back.
func untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case s := <-signals:
			cancel(&interruption{s})
		case <-ctx.Done():
		}
		signal.Stop(signals)
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
	}
}
