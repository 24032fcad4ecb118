//go:build !libzmq

package comm

import "github.com/mittere/mittere/comm/internal/native"

// defaultEngine returns the engine of contexts that are not told another.
func defaultEngine() (Engine, error) { return native.Engine, nil }
