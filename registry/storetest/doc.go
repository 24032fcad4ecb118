// Package storetest is what every registry.Store must do, as tests. It stands
// beside the stores, on registry, and is used by their tests alone.
package storetest
