package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
)

func newDrain(g *globals) *cobra.Command {
	var service string
	var disconnect, undo bool
	cmd := &cobra.Command{
		Use:   "drain [WORKER...]",
		Short: "Have workers of a broker finish what they have",
		Long: `Have workers of a broker finish what they have: they get nothing new. It does not
wait for them; "mittere workers --status draining" tells what they still have. That
lasts until it is undone or they leave, also if they register again meanwhile.

With --undo they get requests again, unless they drain by themselves.

With --disconnect they are disconnected at once. The requests that they have go to
others if a second execution does no harm, and fail if not. A worker whose program
goes on may register again.

A WORKER that is not there is the error NOT_FOUND; the others are drained all the
same. So is a service that no worker serves.`,
		Example: `  mittere drain worker-7
  mittere drain --service calculator
  mittere drain --service calculator --undo
  mittere drain worker-7 worker-8 --disconnect --broker tcp://127.0.0.1:5555`,
		Args: g.asking(atBroker, func(_ *cobra.Command, names []string) error {
			if (len(names) == 0) == (service == "") {
				return errors.New("want the names of workers, or --service")
			}
			if disconnect && undo {
				return errors.New("want one of --disconnect and --undo")
			}
			return nil
		}),
		ValidArgsFunction: g.completeWorkers,
	}
	cmd.Flags().StringVar(&service, "service", "", "all workers of the service of this `name`")
	cmd.Flags().BoolVar(&undo, "undo", false, "give them requests again")
	cmd.Flags().BoolVar(&disconnect, "disconnect", false, "disconnect them at once")
	timeout := addDuration(cmd, "timeout", patience, "how long to wait for the broker; 0 is for ever")
	format := addFormat(cmd, formatTable, formatJSON)
	cmd.RunE = does(func(cmd *cobra.Command, names []string) error {
		p := printer{cmd.OutOrStdout(), format.value}
		return g.withBroker(func(_ *comm.Context, m *manager) error {
			if disconnect {
				resp, err := askBroker(cmd.Context(), m, time.Duration(*timeout), m.Dismiss, &mitterev1.DismissRequest{Workers: names, Service: service})
				return printTaken(p, "disconnected", resp.GetDismissed(), resp.GetUnknown(), err)
			}
			if undo {
				resp, err := askBroker(cmd.Context(), m, time.Duration(*timeout), m.Resume, &mitterev1.ResumeRequest{Workers: names, Service: service})
				return printTaken(p, "resumed", resp.GetResumed(), resp.GetUnknown(), err)
			}
			resp, err := askBroker(cmd.Context(), m, time.Duration(*timeout), m.Drain, &mitterev1.DrainRequest{Workers: names, Service: service})
			return printTaken(p, statusDraining, resp.GetDrained(), resp.GetUnknown(), err)
		})
	})
	return cmd
}

// printTaken prints what became of workers, and returns the error of those that are
// not there.
func printTaken(p printer, state string, names, unknown []string, err error) error {
	if err != nil {
		return err
	}
	views := make([]view, len(names))
	for i, name := range names {
		views[i] = view{{"name", name}, {"state", state}}
	}
	if err := p.list(views, "name state"); err != nil {
		return err
	}
	return noWorkers(unknown)
}
