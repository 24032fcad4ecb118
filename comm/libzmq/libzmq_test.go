//go:build cgo

package libzmq_test

import (
	"errors"
	"regexp"
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/comm/libzmq"
	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// newContext returns a context on libzmq, which is closed at the test's end.
func newContext(t *testing.T, options ...comm.ContextOption) *comm.Context {
	t.Helper()
	zctx, err := comm.NewContext(append(options, comm.WithEngine(libzmq.Engine))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := zctx.Close(); err != nil {
			t.Error(err)
		}
	})
	return zctx
}

func TestVersionIsThatOfLibzmq(t *testing.T) {
	if v := libzmq.Engine.Version(); !regexp.MustCompile(`^4\.\d+\.\d+$`).MatchString(v) {
		t.Errorf("version %q", v)
	}
}

// The monitor of each has two ends.
func TestSocketsCountThreeTimes(t *testing.T) {
	zctx := newContext(t, comm.WithMaxSockets(9))
	for range 3 {
		if _, err := comm.NewDealer(zctx, ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := comm.NewDealer(zctx, ""); !errors.Is(err, comm.Internal) {
		t.Errorf("the fourth socket of 9 that count three times: %v", err)
	}
}

// must returns v, or ends the test if there is an error.
func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
