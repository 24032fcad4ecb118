// Package majordomo is the client and the worker of Majordomo, so that a Go program
// can join a system that exists.
//
// It speaks MDP/0.1 (RFC 7) and MDP/0.2 (RFC 18) of ZeroMQ with any broker that does,
// such as that of service/broker or of the ZeroMQ guide. It stands on package comm,
// which moves the frames, and on package messaging, for errors; programs use it. The
// broker's side of the protocol is in service/broker/internal/dialect/mdp.
//
// # Errors
//
// The RFCs have no word for errors. Here one travels as a reply whose body is a single
// frame, an envelope of mittere.v1.Status: a [Worker] answers so when its handler fails,
// and a [Client] returns it as the *[messaging.Error] that it is, for which Remote is
// true. The broker of service/broker does the same; others pass it on as any body.
//
// # Concurrency and bytes
//
// All methods may be called by any number of goroutines at once. Frames to be
// sent are the package's until the call returns, and a handler's reply until the next
// request; received frames are the receiver's for good.
package majordomo
