package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/registry"
)

func newResolve(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resolve NAME",
		Short: "Ask the registry for the instances of a name",
		Long: `Ask the registry for the instances of a name. That there is none is the error
NOT_FOUND, for scripts; "mittere services NAME" prints an empty list then.`,
		Example: `  mittere resolve calculator
  mittere resolve calculator -o json | jq -r '.endpoints[0]'`,
		Args:              g.asking(atRegistry, cobra.ExactArgs(1)),
		ValidArgsFunction: g.completeName,
	}
	timeout := addDuration(cmd, "timeout", patience, "how long to wait for the registry; 0 is for ever")
	format := addFormat(cmd, formatTable, formatJSON)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		return g.withRegistry(func(_ *comm.Context, client *registry.Client) error {
			entries, err := resolve(cmd.Context(), client, args[0], time.Duration(*timeout))
			if err != nil {
				return err
			}
			return printEntries(printer{cmd.OutOrStdout(), format.value}, entries, 0)
		})
	})
	return cmd
}
