package faulttest_test

import (
	"fmt"
	"testing"

	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/internal/leaktest"
)

// TestMain runs the tests, or what a test started this program again for.
func TestMain(m *testing.M) {
	faulttest.Main(map[string]faulttest.Role[string]{"greeter": greet})
	leaktest.Main(m)
}

// greet greets until the process is terminated.
func greet(whom string) error {
	ctx, cancel := faulttest.UntilTerminated()
	defer cancel()
	asked := 0
	faulttest.Tell(func() int { asked++; return asked })
	fmt.Println("hello", whom)
	<-ctx.Done()
	return nil
}
