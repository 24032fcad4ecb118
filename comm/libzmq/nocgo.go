//go:build !cgo

package libzmq

import (
	"errors"

	"github.com/mittere/mittere/comm/internal/engine"
)

// errWithoutCgo is why there are no contexts.
var errWithoutCgo = errors.New("built without cgo: the engine libzmq needs CGO_ENABLED=1, a C compiler and libzmq's headers")

// Version returns nothing: there is no libzmq.
func (implementation) Version() string { return "" }

// NewContext returns an error.
func (implementation) NewContext(engine.ContextConfig) (engine.Context, error) {
	return nil, &engine.Error{Op: "new context", Reason: engine.Internal, Cause: errWithoutCgo}
}
