// Package store is what keeps the entries of a registry beyond its process: the
// interface, its keys, and the checks of what may be kept. It knows no socket and no
// registry: those stand on it, registry/boltstore implements it, and registry/storetest
// says what every implementation must show.
package store
