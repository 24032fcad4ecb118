// Package leaktest fails a test binary that ends with something still open.
// It stands below every layer: every TestMain of the module calls it, and it
// imports none of them.
//
// What it looks for is what a messaging library can forget: goroutines, file
// descriptors, threads of libzmq and contexts of package comm.
package leaktest
