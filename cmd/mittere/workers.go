package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// The workers that "mittere workers" lists.
const (
	statusAll      = "all"
	statusAlive    = "alive"
	statusDraining = "draining"
)

// workersCommand is "mittere workers" with its flags.
type workersCommand struct {
	service  string
	status   choice
	watching bool
	timeout  *duration
}

func newWorkers(g *globals) *cobra.Command {
	c := &workersCommand{status: choice{statusAll, []string{statusAll, statusAlive, statusDraining}}}
	cmd := &cobra.Command{
		Use:   "workers [NAME...]",
		Short: "List the workers of a broker",
		Long: `List the workers that are registered at a broker, all or those of these names.

STATE is idle, busy, or draining: it finishes what it has and gets nothing new.
IN FLIGHT are the requests that it has, QUEUED those that wait for it alone.
REGISTERED and HEARD are how long ago that was; LEFT is after which time it is dead
if nothing comes of it. RECEIVED and SENT count messages that came of it and went to
it. A NAME that no worker has is the error NOT_FOUND, after the others are printed.

The worker by which the broker itself answers is listed only if it is named, or
asked for with --service mittere.v1.Broker.

With --watch it prints what is there and then each change, line by line, until it
is interrupted, which is a success: there, put (new, or not what it was), gone, and
away and back when the broker itself goes and comes. It looks once a second, and
what a worker has to do is no change.`,
		Example: `  mittere workers
  mittere workers --service calculator --status alive -o json
  mittere workers worker-7 --broker tcp://127.0.0.1:5555
  mittere workers --watch`,
		Args:              g.asking(atBroker, cobra.ArbitraryArgs),
		ValidArgsFunction: g.completeWorkers,
	}
	cmd.Flags().StringVar(&c.service, "service", "", "only the workers of the service of this `name`")
	cmd.Flags().Var(&c.status, "status", "only workers that are alive, taking requests, or draining")
	cmd.Flags().BoolVarP(&c.watching, "watch", "w", false, "print changes until interrupted")
	c.timeout = addDuration(cmd, "timeout", patience, "how long to wait for the broker; 0 is for ever; a watch goes on, and says so")
	format := addFormat(cmd, formatTable, formatJSON)
	cmd.RunE = does(func(cmd *cobra.Command, names []string) error {
		p := printer{cmd.OutOrStdout(), format.value}
		return g.withBroker(func(_ *comm.Context, m *manager) error {
			if c.watching {
				return watchBroker(cmd.Context(), m, p, time.Duration(*c.timeout), c.items(m, names))
			}
			resp, err := c.ask(cmd.Context(), m, names)
			if err != nil {
				return err
			}
			if err := p.list(viewsOf(resp.GetWorkers(), workerNames), workerColumns); err != nil {
				return err
			}
			return noWorkers(resp.GetUnknown())
		})
	})
	return cmd
}

// ask asks a broker for workers.
func (c *workersCommand) ask(ctx context.Context, m *manager, names []string) (*mitterev1.ListWorkersResponse, error) {
	status := map[string]mitterev1.WorkerStatus{
		statusAlive: mitterev1.WorkerStatus_WORKER_STATUS_ALIVE, statusDraining: mitterev1.WorkerStatus_WORKER_STATUS_DRAINING,
	}
	req := &mitterev1.ListWorkersRequest{Service: c.service, Status: status[c.status.value], Names: names}
	return askBroker(ctx, m, time.Duration(*c.timeout), m.ListWorkers, req)
}

// noWorkers is the error of names that no worker has, nil if there are none.
func noWorkers(unknown []string) error {
	switch len(unknown) {
	case 0:
		return nil
	case 1:
		return messaging.Errorf(messaging.NotFound, "there is no worker %q", unknown[0])
	default:
		return messaging.Errorf(messaging.NotFound, "there are no workers %q", unknown)
	}
}

// items returns what a watch of workers polls.
func (c *workersCommand) items(m *manager, names []string) poll {
	return func(ctx context.Context) (found []item, err error) {
		resp, err := c.ask(ctx, m, names)
		for _, w := range resp.GetWorkers() {
			found = append(found, item{key: w.GetName(), line: workerLine(w), about: property{"worker", viewOf(w, workerNames)}})
		}
		return found, err
	}
}

// workerLine returns what a worker is on one line: what does not change while it
// works.
func workerLine(w *mitterev1.Worker) string {
	v := viewOf(w, workerNames).with("capacity", fmt.Sprintf("capacity=%d", w.GetCapacity()))
	if w.GetState() != mitterev1.WorkerState_WORKER_STATE_DRAINING {
		v = v.with("state", statusAlive)
	}
	return lineOf(v.row("name services dialect state capacity version endpoints address"))
}

// The names of what a broker tells of a worker, and of its columns. The descriptors are in
// hexadecimal digits.
const (
	workerNames = "name services dialect state capacity inFlight queued served registeredSeconds heardSeconds leftSeconds" +
		" heartbeatSeconds version endpoints address descriptors received sent"
	workerColumns = "name services dialect state capacity inFlight queued served registeredSeconds heardSeconds leftSeconds" +
		" received sent version endpoints"
)
