//go:build libzmq

package comm

import (
	"fmt"
	"os"

	"github.com/mittere/mittere/comm/internal/native"
	"github.com/mittere/mittere/comm/libzmq"
)

// defaultEngine returns the engine of contexts that are not told another: the one that
// MITTERE_ENGINE names, "native" or "libzmq", and native if it names none.
func defaultEngine() (Engine, error) {
	switch name := os.Getenv("MITTERE_ENGINE"); name {
	case "", native.Engine.Name():
		return native.Engine, nil
	case libzmq.Engine.Name():
		return libzmq.Engine, nil
	default:
		return nil, invalid("new context", fmt.Sprintf("MITTERE_ENGINE=%s: want native or libzmq", name))
	}
}
