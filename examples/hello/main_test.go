package main

import (
	"testing"

	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// The program is its own Example: what it prints is checked.
func Example() {
	main()
	// Output: hello, world
}
