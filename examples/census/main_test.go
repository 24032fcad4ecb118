package main

import (
	"os"
	"testing"

	"github.com/mittere/mittere/internal/leaktest"
)

// asProgram is the environment variable that makes the test binary the program.
// Workers inherit it, and are then what the program's own would be, with the race
// detector if the tests have it.
const asProgram = "CENSUS_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	// With the race detector, a process otherwise sleeps for a second as it exits.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	leaktest.Main(m)
}
