//go:build !libzmq

package main

import "github.com/spf13/cobra"

// addEngineFlag adds nothing: this program has one engine, the one in Go.
func addEngineFlag(*cobra.Command) {}
