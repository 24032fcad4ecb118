// Package libzmq is the engine of comm on libzmq, ZeroMQ's library in C, by way of
// pebbe/zmq4. It is the only package with either and lies below comm, whose default is the
// engine in Go. A context is on libzmq by comm.WithEngine(libzmq.Engine); a program built
// with the tag libzmq, if the environment variable MITTERE_ENGINE is "libzmq".
//
// It needs cgo and libzmq's headers to build. Built without cgo, Engine makes no
// contexts and says so.
package libzmq
