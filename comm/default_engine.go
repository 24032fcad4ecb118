//go:build !native

package comm

import "github.com/mittere/mittere/comm/libzmq"

// defaultEngine returns the engine of contexts that are not told another.
func defaultEngine() Engine { return libzmq.Engine }
