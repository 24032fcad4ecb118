package service_test

import (
	"os"
	"testing"

	"github.com/mittere/mittere/internal/leaktest"
)

// TestMain runs the tests, or what a test started this program again for.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(beChild(role))
	}
	leaktest.Main(m)
}
