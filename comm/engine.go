package comm

import "github.com/mittere/mittere/comm/internal/engine"

// Engine carries ZeroMQ's messages below the sockets: one of the packages beside
// comm, chosen by [WithEngine]. Name and Version tell which it is, Features what it
// can do that not all can. The set is sealed: docs/engines.md compares them.
type Engine = engine.Engine

// Features says what an [Engine] can do that not all can.
type Features = engine.Features

// DefaultEngine returns the engine of contexts that are told no other: the one in Go or,
// in a program that is built with the tag libzmq, the one that the environment variable
// MITTERE_ENGINE names, "native" or "libzmq". The error says that it names another.
func DefaultEngine() (Engine, error) { return defaultEngine() }
