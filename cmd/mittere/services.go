package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/registry"
)

func newServices(g *globals) *cobra.Command {
	var watching bool
	cmd := &cobra.Command{
		Use:   "services [NAME]",
		Short: "List the instances that the registry knows, or the services of a broker",
		Long: `List the instances that the registry knows, all or those of one name.

LEFT is how much of the lease is left: the instance is gone when it ends without
having been renewed. AGE is how old the answer is, or how long ago the registry
was last heard if it went away meanwhile.

With --watch it prints what is there and then each change, line by line, until it
is interrupted, which is a success: there, put (new, or not what it was),
withdrawn, expired (the lease ended), gone (while nobody was listening), and away
and back when the registry itself goes and comes.

With --broker it lists the services that have workers or requests at a broker: how
many workers are registered, how many of them are free for a request now, how many
requests wait and how many are at workers. The service by which the broker itself
answers is listed only if it is named. A watch of a broker looks once a second, and
tells of the number of workers.`,
		Example: `  mittere services
  mittere services calculator -o json
  mittere services --watch
  mittere services --broker tcp://127.0.0.1:5555`,
		Args:              g.asking(atEither, cobra.MaximumNArgs(1)),
		ValidArgsFunction: g.completeName,
	}
	timeout := addDuration(cmd, "timeout", patience, "how long to wait for the registry or the broker; 0 is for ever; a watch goes on, and says so")
	format := addFormat(cmd, formatTable, formatJSON)
	cmd.Flags().BoolVarP(&watching, "watch", "w", false, "print changes until interrupted")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		p, name := printer{cmd.OutOrStdout(), format.value}, ""
		if len(args) > 0 {
			name = args[0]
		}
		if g.brokered {
			return g.withBroker(func(_ *comm.Context, m *manager) error {
				return listBrokered(cmd.Context(), m, name, p, time.Duration(*timeout), watching)
			})
		}
		return g.withRegistry(func(_ *comm.Context, client *registry.Client) error {
			if watching {
				return watch(cmd.Context(), client, name, p, time.Duration(*timeout))
			}
			return list(cmd.Context(), client, name, p, time.Duration(*timeout))
		})
	})
	return cmd
}

// list prints what the registry knows. It follows the registry for a moment, as a
// table may be too large for one answer.
func list(ctx context.Context, client *registry.Client, name string, p printer, timeout time.Duration) error {
	ctx, cancel := within(ctx, timeout)
	defer cancel()
	f := client.Follow(name)
	defer f.Close()
	if err := waitFor(ctx, client, f); err != nil {
		return err
	}
	view := f.View()
	return printEntries(p, view.Entries, view.Age())
}

// printEntries prints entries that are of a certain age.
func printEntries(p printer, entries []*mitterev1.Entry, age time.Duration) error {
	views := make([]view, len(entries))
	for i, entry := range entries {
		views[i] = viewEntry(entry, age)
	}
	return p.list(views, "name id endpoints version health leftSeconds dialect kind labels ageSeconds")
}

// viewEntry returns an entry.
func viewEntry(entry *mitterev1.Entry, age time.Duration) view {
	v := viewOf(entry.GetInstance(), "name id endpoints version labels health dialect kind services host")
	v = append(v, viewOf(entry, "leaseSeconds leftSeconds")...)
	if entry.GetLeaseNano() == 0 {
		v = v.with("leaseSeconds", absence("")).with("leftSeconds", absence("no lease"))
	}
	return v.with("ageSeconds", span(age))
}
