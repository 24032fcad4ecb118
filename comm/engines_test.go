package comm_test

import (
	"os"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/comm/internal/native"
	"github.com/mittere/mittere/comm/libzmq"
)

// engines are those that the suite can run on.
var engines = []comm.Engine{libzmq.Engine, native.Engine}

// engineVariable names the engine of a run: one, or two with a "+" between, of which
// sockets that bind have the first, and those that connect the second. Where it is not
// set, sockets have the default.
const engineVariable = "MITTERE_ENGINE"

// enginesOfRun returns the engine of sockets that bind and that of sockets that connect;
// mixed says whether these have contexts of their own.
func enginesOfRun(t testing.TB) (binding, connecting comm.Engine, mixed bool) {
	t.Helper()
	first, second, mixed := strings.Cut(os.Getenv(engineVariable), "+")
	if first == "" {
		e, err := comm.DefaultEngine()
		if err != nil {
			t.Fatal(err)
		}
		return e, nil, false
	}
	if !mixed {
		second = first
	}
	return engineOf(t, first), engineOf(t, second), mixed
}

// engineOf returns the engine of that name.
func engineOf(t testing.TB, name string) comm.Engine {
	t.Helper()
	for _, e := range engines {
		if e.Name() == name {
			return e
		}
	}
	t.Fatalf("%s: there is no engine %q", engineVariable, name)
	return nil
}
