package libzmq

import "github.com/mittere/mittere/comm/internal/engine"

// Engine is the engine on libzmq, for comm.WithEngine.
var Engine engine.Engine = implementation{}

// implementation makes contexts of libzmq.
type implementation struct{}

// Name returns "libzmq".
func (implementation) Name() string { return "libzmq" }

// Features returns none: libzmq is the least that an engine can do.
func (implementation) Features() engine.Features { return engine.Features{} }
