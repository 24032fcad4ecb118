package call_test

import (
	"testing"

	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/internal/leaktest"
)

// TestMain runs the tests, or what a test started this program again for.
func TestMain(m *testing.M) {
	faulttest.Main(roles())
	leaktest.Main(m)
}
