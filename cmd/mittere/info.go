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
		table: printInfo,
		json:  func(a answer[*mitterev1.InfoResponse]) any { return newInfoJSON(a) },
		own:   brokerInfo,
	})
}

// question is a command that asks each member the same.
type question[T any] struct {
	use, short, long string
	ask              func(context.Context, *management) (T, error)
	table            func(printer, []answer[T]) error // those that answered
	json             func(answer[T]) any
	own              func(context.Context, *manager, time.Duration, printer) error // of the broker itself
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
				return q.own(cmd.Context(), m, time.Duration(*t.timeout), p)
			})
		}
		return t.find(cmd.Context(), g, func(zmq *comm.Context, members []member) error {
			answers := askAll(zmq, members, askOne(cmd.Context(), zmq, time.Duration(*t.timeout), q.ask))
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
	if p.json() {
		values := make([]any, len(answers))
		for i, a := range answers {
			values[i] = q.json(a)
		}
		return objects(p, values)
	}
	var given []answer[T]
	for _, a := range answers {
		if a.err == nil {
			given = append(given, a)
		}
	}
	if len(given) == 0 {
		return nil
	}
	return q.table(p, given)
}

// printInfo prints what instances are.
func printInfo(p printer, answers []answer[*mitterev1.InfoResponse]) error {
	for n, a := range answers {
		i := a.value
		if n > 0 {
			if err := p.text("\n"); err != nil {
				return err
			}
		}
		err := p.rows(
			[]string{"name", i.GetName()}, []string{"id", i.GetId()}, []string{"version", i.GetVersion()},
			[]string{"library", i.GetLibrary()}, []string{"endpoints", joined(i.GetEndpoints())},
			[]string{"labels", labelsText(i.GetLabels())}, []string{"started", startedAt(i).Format(time.RFC3339)},
		)
		if err != nil {
			return err
		}
		rows := [][]string{{"METHOD", "REQUEST", "RESPONSE", "IDEMPOTENCY"}}
		for _, m := range i.GetMethods() {
			response := m.GetResponse()
			if m.GetStreaming() {
				response = "stream " + response
			}
			rows = append(rows, []string{m.GetName(), m.GetRequest(), response, m.GetIdempotency()})
		}
		if err := p.rows(rows...); err != nil {
			return err
		}
	}
	return nil
}

// startedAt returns when an instance began to serve.
func startedAt(i *mitterev1.InfoResponse) time.Time { return time.Unix(0, i.GetStartedUnixNano()) }

// infoJSON is what an instance is, in JSON.
type infoJSON struct {
	Name      string            `json:"name"`
	ID        string            `json:"id"`
	Version   string            `json:"version"`
	Library   string            `json:"library"`
	Endpoints []string          `json:"endpoints"`
	Labels    map[string]string `json:"labels"`
	Started   *time.Time        `json:"started"`
	Methods   []methodJSON      `json:"methods"`
	Error     *failureJSON      `json:"error,omitempty"`
}

// methodJSON is a method in JSON.
type methodJSON struct {
	Name        string `json:"name"`
	Request     string `json:"request"`
	Response    string `json:"response"`
	Streaming   bool   `json:"streaming"`
	Idempotency string `json:"idempotency"`
}

// newInfoJSON returns what an instance is for JSON.
func newInfoJSON(a answer[*mitterev1.InfoResponse]) infoJSON {
	i := a.value
	j := infoJSON{
		Name: a.instance.GetName(), ID: a.id(i.GetId()), Version: i.GetVersion(), Library: i.GetLibrary(),
		Endpoints: orEmpty(a.instance.GetEndpoints()), Labels: orNone(i.GetLabels()), Methods: []methodJSON{}, Error: failureOf(a.err),
	}
	if a.err == nil {
		at := startedAt(i)
		j.Name, j.Endpoints, j.Started = i.GetName(), orEmpty(i.GetEndpoints()), &at
	}
	for _, m := range i.GetMethods() {
		j.Methods = append(j.Methods, methodJSON{m.GetName(), m.GetRequest(), m.GetResponse(), m.GetStreaming(), m.GetIdempotency()})
	}
	return j
}
