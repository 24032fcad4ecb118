package main

import (
	"testing"

	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// The program is its own Example: what it prints is checked.
func Example() {
	main()
	// Output:
	// [room 7] 21 degrees, missed before: 0
	// [room 7] 21.5 degrees, missed before: 0
}
