package leaktest

import (
	"os"
	"os/signal"
)

// heedInterrupt undoes that SIGINT is ignored, as it is in all that a script starts in
// its background. The processes that tests start and interrupt would ignore it too.
// A user who interrupts the tests still ends them.
func heedInterrupt() {
	if !signal.Ignored(os.Interrupt) {
		return
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	go func() {
		<-interrupted
		os.Exit(1)
	}()
}
