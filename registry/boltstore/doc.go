// Package boltstore keeps a registry's entries in one file. It stands on
// registry, whose Store it is, and on bbolt; the command line opens it.
//
// A write is in the file, by fsync, when it returns: what was acknowledged
// outlives a process that is killed. One process at a time has the file open.
// Renewals are not written; an entry that is loaded has its whole lease before it.
package boltstore
