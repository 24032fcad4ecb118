// Package libzmq is the engine of comm on libzmq, ZeroMQ's library in C, by way of
// pebbe/zmq4. It is the only package with either, lies below comm, and is chosen by
// comm.WithEngine(libzmq.Engine).
//
// It needs cgo and libzmq's headers to build. Built without cgo, Engine makes no
// contexts and says so.
package libzmq
