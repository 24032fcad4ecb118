// Package exampletest runs the programs of examples as processes of their own, and
// reads in a README what they are to print. It stands beside the examples and is
// used by their tests alone.
package exampletest
