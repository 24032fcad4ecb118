// Package storetest is what every store.Store must do, as tests. It stands
// beside the stores, on registry/store, and is used by their tests alone.
package storetest
