package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
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
				return watchBroker(cmd.Context(), m, p, time.Duration(*c.timeout), c.sightings(m, names))
			}
			resp, err := c.ask(cmd.Context(), m, names)
			if err != nil {
				return err
			}
			if err := printWorkers(p, resp.GetWorkers()); err != nil {
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

// sightings returns what a watch of workers looks at.
func (c *workersCommand) sightings(m *manager, names []string) look {
	return func(ctx context.Context) (seen []sighting, err error) {
		resp, err := c.ask(ctx, m, names)
		for _, w := range resp.GetWorkers() {
			seen = append(seen, sighting{key: w.GetName(), line: workerLine(w), worker: newWorkerJSON(w)})
		}
		return seen, err
	}
}

// workerLine returns what a worker is on one line: what does not change while it
// works.
func workerLine(w *mitterev1.Worker) string {
	state := statusAlive
	if w.GetState() == mitterev1.WorkerState_WORKER_STATE_DRAINING {
		state = statusDraining
	}
	parts := []string{w.GetName(), joined(w.GetServices()), w.GetDialect(), state, fmt.Sprintf("capacity=%d", w.GetCapacity()), w.GetVersion(), joined(w.GetEndpoints()), w.GetAddress()}
	for i, part := range parts {
		if parts[i] = printable(part); part == "" {
			parts[i] = "-"
		}
	}
	return strings.Join(parts, "  ")
}

// printWorkers prints workers.
func printWorkers(p printer, workers []*mitterev1.Worker) error {
	if p.json() {
		values := make([]*workerJSON, len(workers))
		for i, w := range workers {
			values[i] = newWorkerJSON(w)
		}
		return objects(p, values)
	}
	rows := [][]string{{"NAME", "SERVICES", "DIALECT", "STATE", "CAPACITY", "IN FLIGHT", "QUEUED", "SERVED", "REGISTERED", "HEARD", "LEFT", "RECEIVED", "SENT", "VERSION", "ENDPOINTS"}}
	for _, w := range workers {
		rows = append(rows, []string{
			w.GetName(), joined(w.GetServices()), w.GetDialect(), stateName(w.GetState()), fmt.Sprint(w.GetCapacity()),
			fmt.Sprint(w.GetInFlight()), fmt.Sprint(w.GetQueued()), fmt.Sprint(w.GetServed()),
			short(time.Duration(w.GetRegisteredNano())), short(time.Duration(w.GetHeardNano())), short(time.Duration(w.GetLeftNano())),
			fmt.Sprint(w.GetReceived()), fmt.Sprint(w.GetSent()), w.GetVersion(), joined(w.GetEndpoints()),
		})
	}
	return p.rows(rows...)
}

// workerJSON is a worker in JSON.
type workerJSON struct {
	Name              string   `json:"name"`
	Services          []string `json:"services"`
	Dialect           string   `json:"dialect"`
	State             string   `json:"state"`
	Capacity          uint32   `json:"capacity"`
	InFlight          uint32   `json:"inFlight"`
	Queued            uint32   `json:"queued"`
	Served            uint64   `json:"served"`
	RegisteredSeconds float64  `json:"registeredSeconds"`
	HeardSeconds      float64  `json:"heardSeconds"`
	LeftSeconds       float64  `json:"leftSeconds"`
	HeartbeatSeconds  float64  `json:"heartbeatSeconds"`
	Version           string   `json:"version"`
	Endpoints         []string `json:"endpoints"`
	Address           string   `json:"address"`
	Descriptors       string   `json:"descriptors"` // in hexadecimal digits
	Received          uint64   `json:"received"`
	Sent              uint64   `json:"sent"`
}

// newWorkerJSON returns a worker for JSON.
func newWorkerJSON(w *mitterev1.Worker) *workerJSON {
	return &workerJSON{
		Name: w.GetName(), Services: orEmpty(w.GetServices()), Dialect: w.GetDialect(), State: stateName(w.GetState()),
		Capacity: w.GetCapacity(), InFlight: w.GetInFlight(), Queued: w.GetQueued(), Served: w.GetServed(),
		RegisteredSeconds: seconds(w.GetRegisteredNano()), HeardSeconds: seconds(w.GetHeardNano()), LeftSeconds: seconds(w.GetLeftNano()),
		HeartbeatSeconds: seconds(w.GetHeartbeatNano()), Version: w.GetVersion(), Endpoints: orEmpty(w.GetEndpoints()),
		Address: w.GetAddress(), Descriptors: hex.EncodeToString(w.GetDescriptors()), Received: w.GetReceived(), Sent: w.GetSent(),
	}
}
