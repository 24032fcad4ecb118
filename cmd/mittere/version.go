package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mittere/mittere/comm"
)

// version is written by the linker, with -ldflags "-X main.version=v1.2.3":
// the one reason why it is a variable. Nothing else writes it.
var version string

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of Mittere and of what it is built with",
		Example: "  mittere version",
		Args:    cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			var b strings.Builder
			for _, c := range components() {
				fmt.Fprintf(&b, "%-8s %s\n", c.name, c.version)
			}
			return printer{cmd.OutOrStdout(), formatTable}.text(b.String())
		}),
	}
}

// component is one line of what "mittere version" prints.
type component struct {
	name, version string
}

func components() []component {
	return []component{
		{"mittere", ownVersion(version, debug.ReadBuildInfo)},
		{"go", runtime.Version()},
		{"libzmq", comm.Version()},
	}
}

// ownVersion returns the version that was stamped by the linker, or else the
// one that the go command knows of an installed module, or else "dev".
func ownVersion(stamped string, buildInfo func() (*debug.BuildInfo, bool)) string {
	if stamped != "" {
		return stamped
	}
	if info, ok := buildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
