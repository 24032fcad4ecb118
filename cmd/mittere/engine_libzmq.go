//go:build libzmq

package main

import (
	"os"

	"github.com/spf13/cobra"
)

// engineVariable names the engine that comm takes where it is told none.
const engineVariable = "MITTERE_ENGINE"

// addEngineFlag adds the choice between the two engines that this program has.
func addEngineFlag(root *cobra.Command) {
	root.PersistentFlags().Func("engine", "what carries messages, `native|libzmq`; the environment's "+engineVariable+
		" is the default, and native if that is empty", func(name string) error { return os.Setenv(engineVariable, name) })
}
