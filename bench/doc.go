// Command bench measures Mittere beside the systems its users would otherwise
// choose. It is a program of its own module; it uses Mittere's public packages
// as any user would, and nothing uses it.
//
// Every figure comes from two processes on tcp loopback: the program starts
// itself again, or a C program that it compiled, once as server and once as
// client. One run takes all systems in turn, round by round, so that a noisy
// machine is noisy for all of them; read the ratios, not the rates.
//
// The files, in the order of a run:
//
//	main.go       flags; which systems there are
//	row.go        what is measured
//	system.go     a column of the table, and what a Go system has to write
//	task.go       what one child process is told
//	runner.go     rounds, rows, systems; cell.go runs one of them
//	process.go    a child, seen by its parent
//	child.go      a child, seen by itself
//	meter.go      the request loops; histogram.go their latencies; heap.go
//	              what they allocate; profile.go where
//	messages.go   the typed requests, for every typed system
//	feed.go       the numbered ticks of publish/subscribe
//	summary.go    cells over the rounds, their ratios
//	report.go     the table; facts.go the machine under it
//
// and one file a system: mittere.go, comm.go, grpc.go, pebbe.go, libzmq.go
// (with native/peer.c). To add a system write one such file and name it in
// systems, in main.go.
package main
