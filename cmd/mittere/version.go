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
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of Mittere and of what it is built with",
		Example: "  mittere version",
		Args:    cobra.NoArgs,
	}
	format := addFormat(cmd, formatTable, formatJSON)
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		return printVersion(printer{cmd.OutOrStdout(), format.value})
	})
	return cmd
}

// printVersion prints the versions.
func printVersion(p printer) error {
	var b strings.Builder
	versions := map[string]string{}
	for _, c := range components() {
		fmt.Fprintf(&b, "%-8s %s\n", c.name, c.version)
		versions[c.name] = c.version
	}
	if p.json() {
		return p.object(versions)
	}
	return p.text(b.String())
}

// component is one line of what "mittere version" prints.
type component struct {
	name, version string
}

func components() []component {
	return []component{
		{"mittere", ownVersion(version, debug.ReadBuildInfo)},
		{"go", runtime.Version()},
		{"engine", engineVersion()},
	}
}

// engineVersion returns the name and the version of what carries messages.
func engineVersion() string {
	e, err := comm.DefaultEngine()
	if err != nil {
		return err.Error()
	}
	return e.Name() + " " + e.Version()
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
