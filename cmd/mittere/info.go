package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
)

func newInfo(g *globals) *cobra.Command {
	return newQuestion(g, question[*mitterev1.InfoResponse]{
		use:   "info NAME",
		short: "Tell what the instances of a service are",
		long: `Tell what all instances of a service are, or one: version, endpoints, labels, since
when they serve, and their methods. With --endpoint no registry is asked, and
NAME may be left out.

With --broker the workers of the service are asked, each through the broker; without
NAME the broker tells of itself: versions, endpoints, settings.`,
		ask: func(ctx context.Context, m *management) (*mitterev1.InfoResponse, error) {
			return m.Info(ctx, &mitterev1.InfoRequest{})
		},
		view:      viewInfo,
		tables:    infoTables,
		own:       brokerInfo,
		ownTables: brokerInfoTables,
	})
}

// question is a command that asks each member the same.
type question[T any] struct {
	use, short, long string
	ask              func(context.Context, *management) (T, error)
	view             func(answer[T]) view
	tables           func([]view) []table                                         // of those that answered
	own              func(context.Context, *manager, time.Duration) (view, error) // of the broker itself
	ownTables        func(view) []table
}

// newQuestion returns the command.
func newQuestion[T any](g *globals, q question[T]) *cobra.Command {
	verb, _, _ := strings.Cut(q.use, " ")
	t := &target{}
	cmd := &cobra.Command{
		Use: q.use, Short: q.short, Long: q.long,
		Example: "  mittere " + verb + " calculator\n" +
			"  mittere " + verb + " calculator --id calc-7 -o json\n" +
			"  mittere " + verb + " --endpoint tcp://127.0.0.1:6000\n" +
			"  mittere " + verb + " calculator --broker tcp://127.0.0.1:5555\n" +
			"  mittere " + verb + " --broker tcp://127.0.0.1:5555",
		Args:              t.nameArgs(g),
		ValidArgsFunction: g.completeName,
	}
	t.addFlags(cmd, "how long to wait for an answer; 0 is for ever", patience)
	format := addFormat(cmd, formatTable, formatJSON)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		t.name = joined(args)
		p := printer{cmd.OutOrStdout(), format.value}
		if g.brokered && t.name == "" {
			return g.withBroker(func(_ *comm.Context, m *manager) error {
				v, err := q.own(cmd.Context(), m, time.Duration(*t.timeout))
				if err != nil {
					return err
				}
				return p.show([]view{v}, q.ownTables(v)...)
			})
		}
		return t.find(cmd.Context(), g, func(zctx *comm.Context, members []member) error {
			answers := askAll(zctx, members, askOne(cmd.Context(), zctx, time.Duration(*t.timeout), q.ask))
			if err := q.print(p, answers); err != nil {
				return err
			}
			return failures(answers)
		})
	})
	return cmd
}

// print prints answers. In a table there is no place for those that failed.
func (q question[T]) print(p printer, answers []answer[T]) error {
	var all, given []view
	for _, a := range answers {
		v := q.view(a)
		if all = append(all, v.failing(a.err)); a.err == nil {
			given = append(given, v)
		}
	}
	if len(given) == 0 && !p.json() {
		return nil
	}
	return p.show(all, q.tables(given)...)
}

// viewInfo returns what an instance is.
func viewInfo(a answer[*mitterev1.InfoResponse]) view {
	info := a.value
	if a.err != nil {
		info = &mitterev1.InfoResponse{Name: a.instance.GetName(), Id: a.instance.GetId(), Endpoints: a.instance.GetEndpoints()}
	}
	v := viewOf(info, "name id version library endpoints labels started").with("id", a.id(info.GetId()))
	if a.err != nil {
		v = v.with("started", absence(""))
	}
	return v.with("methods", viewsOf(info.GetMethods(), "name request response streaming idempotency"))
}

// infoTables returns what instances are, and their methods.
func infoTables(views []view) (tables []table) {
	for _, v := range views {
		var methods []view
		for _, m := range v.get("methods").([]view) {
			if m.get("streaming") == true {
				m = m.with("response", "stream "+m.cell("response"))
			}
			methods = append(methods, m.with("method", m.get("name")))
		}
		is := v.only("name id version library endpoints labels started").lines()
		tables = append(tables, append(is, columns(methods, "method request response idempotency")...))
	}
	return tables
}
