//go:build interop

package interop_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/mittere/mittere/internal/leaktest"
)

// pythonVariable names the Python interpreter that has dīvidere.
const pythonVariable = "MITTERE_PYTHON"

func TestMain(m *testing.M) {
	if os.Getenv(pythonVariable) == "" {
		fmt.Fprintf(os.Stderr, "interop: %s names no Python interpreter with dīvidere. Run: make interop\n", pythonVariable)
		os.Exit(1)
	}
	leaktest.Main(m)
}
