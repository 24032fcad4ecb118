package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

// completionPatience is how long a shell waits for names.
const completionPatience = time.Second

func newCompletion() *cobra.Command {
	shells := map[string]func(*cobra.Command, io.Writer) error{
		"bash":       writeBash,
		"zsh":        func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) },
		"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
		"powershell": func(root *cobra.Command, w io.Writer) error { return root.GenPowerShellCompletionWithDesc(w) },
	}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script by which a shell completes commands",
		Long: `Print a script by which a shell completes commands, flags and, if the registry
or the broker answers within a second, the names of services, workers and methods.`,
		Example: `  source <(mittere completion bash)                 in ~/.bashrc
  mittere completion zsh > "${fpath[1]}/_mittere"   once
  mittere completion fish | source                  in config.fish`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			var script strings.Builder
			if err := shells[args[0]](cmd.Root(), &script); err != nil {
				return messaging.Errorf(messaging.Internal, "%w", err)
			}
			return printer{out: cmd.OutOrStdout()}.text(script.String())
		}),
	}
}

// completions is what cobra calls to complete an argument.
type completions = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective)

// completeName completes the name of a service.
func (g *globals) completeName(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || g.settle(cmd, atEither) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return g.names(cmd.Context(), begun, ""), cobra.ShellCompDirectiveNoFileComp
}

// completeWorkers completes names of workers.
func (g *globals) completeWorkers(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	if g.settle(cmd, atBroker) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	_ = g.withBroker(func(_ *comm.Context, m *manager) error {
		resp, err := askBroker(cmd.Context(), m, completionPatience, m.ListWorkers, &mitterev1.ListWorkersRequest{})
		for _, w := range resp.GetWorkers() {
			names = append(names, w.GetName())
		}
		return err
	})
	return beginning(names, begun), cobra.ShellCompDirectiveNoFileComp
}

// completeMethod returns what completes NAME/METHOD.
func (g *globals) completeMethod(t *target) completions {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		switch name, _, methods := strings.Cut(begun, "/"); {
		case g.settle(cmd, atEither) != nil:
			return nil, cobra.ShellCompDirectiveNoFileComp
		case len(args) > 0:
			return nil, cobra.ShellCompDirectiveDefault // a file, perhaps
		case t.endpoint != "":
			return g.methods(cmd.Context(), *t, begun, ""), cobra.ShellCompDirectiveNoFileComp
		case methods:
			return g.methods(cmd.Context(), target{name: name, id: t.id, timeout: t.timeout}, begun, name+"/"), cobra.ShellCompDirectiveNoFileComp
		default:
			return g.names(cmd.Context(), begun, "/"), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
	}
}

// names returns the names that begin so. A shell cannot be told of an error.
func (g *globals) names(ctx context.Context, begun, suffix string) (names []string) {
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	if g.brokered {
		_ = g.withBroker(func(_ *comm.Context, m *manager) error {
			resp, err := m.ListServices(ctx, &mitterev1.ListServicesRequest{})
			for _, s := range resp.GetServices() {
				names = append(names, s.GetName()+suffix)
			}
			return err
		})
		return beginning(names, begun)
	}
	_ = g.withRegistry(func(_ *comm.Context, client *registry.Client) error {
		entries, err := client.List(ctx)
		for _, entry := range entries {
			names = append(names, entry.GetInstance().GetName()+suffix)
		}
		return err
	})
	return beginning(names, begun)
}

// methods returns the methods of a service that begin so.
func (g *globals) methods(ctx context.Context, t target, begun, prefix string) (methods []string) {
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	_ = t.find(ctx, g, func(zctx *comm.Context, members []member) error {
		ask := askOne(ctx, zctx, completionPatience, func(ctx context.Context, m *management) (*mitterev1.InfoResponse, error) {
			return m.Info(ctx, &mitterev1.InfoRequest{})
		})
		for _, a := range askAll(zctx, members[:1], ask) {
			for _, method := range a.value.GetMethods() {
				_, short, _ := strings.Cut(method.GetName(), "/")
				methods = append(methods, prefix+method.GetName(), prefix+short)
			}
		}
		return nil
	})
	return beginning(methods, begun)
}

// beginning returns the words that begin so and that a shell may be given.
func beginning(words []string, begun string) []string {
	slices.Sort(words)
	return slices.DeleteFunc(slices.Compact(words), func(word string) bool {
		return !strings.HasPrefix(word, begun) || printable(word) != word
	})
}
