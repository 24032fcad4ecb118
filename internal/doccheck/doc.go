// Package doccheck finds what lacks a doc comment: packages, and everything
// that they export. It stands beside the layers, imports none of them, and is
// used by its own test alone, which checks the whole module.
package doccheck
