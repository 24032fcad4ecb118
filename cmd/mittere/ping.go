package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/service/broker"
)

// pingCommand is "mittere ping" with its flags.
type pingCommand struct {
	target
	count positive
}

func newPing(g *globals) *cobra.Command {
	c := &pingCommand{count: 1}
	cmd := &cobra.Command{
		Use:   "ping NAME",
		Short: "Measure round trips to the instances of a service",
		Long: `Measure round trips to all instances of a service, or to one. The time to connect
is not counted. With --endpoint no registry is asked, and NAME may be left out.

With --broker the workers of the service are asked, each through the broker; without
NAME the broker itself.

It fails if an instance does not answer all pings.`,
		Example: `  mittere ping calculator
  mittere ping calculator -n 100 -o json
  mittere ping --endpoint tcp://127.0.0.1:6000
  mittere ping calculator --broker tcp://127.0.0.1:5555`,
		Args:              c.nameArgs(g),
		ValidArgsFunction: g.completeName,
	}
	c.addFlags(cmd, "how long to wait for each answer; 0 is for ever", patience)
	cmd.Flags().VarP(&c.count, "count", "n", "how many pings")
	format := addFormat(cmd, formatTable, formatJSON)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		if c.name = joined(args); g.brokered {
			c.name = cmp.Or(c.name, broker.ServiceName)
		}
		p := printer{cmd.OutOrStdout(), format.value}
		return c.find(cmd.Context(), g, func(zctx *comm.Context, members []member) error {
			answers := askAll(zctx, members, askOne(cmd.Context(), zctx, 0, c.ping))
			if err := printPings(p, answers); err != nil {
				return err
			}
			return failures(answers)
		})
	})
	return cmd
}

// pings is how an instance answered.
type pings struct {
	sent   int
	times  []time.Duration // of those that were answered
	answer string          // the id that it gave
}

// ping sends pings, one after the other. The first one, which is not counted, waits
// for the connection; an instance that does not answer it is asked no more.
func (c *pingCommand) ping(ctx context.Context, m *management) (p pings, err error) {
	if _, err := c.once(ctx, m); err != nil {
		return pings{sent: 1}, err
	}
	for range int(c.count) {
		began := time.Now()
		p.sent++
		id, failed := c.once(ctx, m)
		if failed != nil {
			err = failed
			continue
		}
		p.times, p.answer = append(p.times, time.Since(began)), id
	}
	return p, err
}

// once sends one ping.
func (c *pingCommand) once(ctx context.Context, m *management) (id string, err error) {
	ctx, cancel := within(ctx, time.Duration(*c.timeout))
	defer cancel()
	resp, err := m.Ping(ctx, &mitterev1.PingRequest{})
	return resp.GetId(), err
}

// span returns the shortest, the mean and the longest time; zeros if there is none.
func (p pings) span() (least, mean, most time.Duration) {
	if len(p.times) == 0 {
		return 0, 0, 0
	}
	for _, t := range p.times {
		mean += t
	}
	return slices.Min(p.times), mean / time.Duration(len(p.times)), slices.Max(p.times)
}

// printPings prints how instances answered.
func printPings(p printer, answers []answer[pings]) error {
	var views, rows []view
	for _, a := range answers {
		v := viewPings(a)
		row := v.with("id", cmp.Or(v.cell("id"), v.cell("endpoints")))
		if len(a.value.times) == 0 {
			row = row.only("name id sent received error")
		}
		views, rows = append(views, v), append(rows, row)
	}
	return p.show(views, columns(rows, "name id sent received minSeconds meanSeconds maxSeconds error"))
}

// viewPings returns how an instance answered.
func viewPings(a answer[pings]) view {
	least, mean, most := a.value.span()
	times := []span{}
	for _, t := range a.value.times {
		times = append(times, span(t))
	}
	v := viewOf(a.instance.Instance, "name id endpoints").with("id", a.id(a.value.answer))
	return append(v, view{
		{"sent", a.value.sent}, {"received", len(times)}, {"minSeconds", span(least)}, {"meanSeconds", span(mean)},
		{"maxSeconds", span(most)}, {"roundTripsSeconds", times},
	}...).failing(a.err)
}
