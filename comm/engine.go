package comm

import "github.com/mittere/mittere/comm/internal/engine"

// Engine carries ZeroMQ's messages below the sockets: one of the packages beside
// comm, chosen by [WithEngine]. Name and Version tell which it is, Features what it
// can do that not all can. The set is sealed: docs/engines.md compares them.
type Engine = engine.Engine

// Features says what an [Engine] can do that not all can.
type Features = engine.Features

// Version returns the version of the engine of contexts that are told no other, such as
// libzmq's "4.3.4". [Context.Engine] tells that of one context.
func Version() string { return defaultEngine().Version() }
