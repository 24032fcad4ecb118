//go:build libzmq

package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
)

// engineVariable names the engine that comm takes where it is told none.
const engineVariable = "MITTERE_ENGINE"

// addEngineFlag adds the choice between the two engines that this program has.
func addEngineFlag(root *cobra.Command) {
	root.PersistentFlags().Func("engine", "what carries messages, `native|libzmq`; the environment's "+engineVariable+
		" is the default, and native if that is empty", setEngine)
}

// setEngine has comm take the engine of that name.
func setEngine(name string) error {
	if name != "native" && name != "libzmq" {
		return errors.New("want native or libzmq")
	}
	return os.Setenv(engineVariable, name)
}
