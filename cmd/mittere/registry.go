package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/boltstore"
)

// registryCommand is "mittere registry" with its flags.
type registryCommand struct {
	bind, events, store          string
	lease, least, longest, plain *duration
	instances                    positive
	log                          choice
	level                        slog.Level
}

func newRegistry() *cobra.Command {
	c := &registryCommand{log: choice{"text", []string{"text", "json"}}, instances: registry.DefaultMaxInstances}
	cmd := &cobra.Command{
		Use:   "registry",
		Short: "Run a registry",
		Long: `Run a registry: the name service that leads from names to live instances.

It serves this host alone, at the loopback interface, until --bind says otherwise:
tcp://*:5000 is every interface, and nobody who reaches it is asked who it is. It
serves until it is interrupted or terminated, and says on standard error where. It
answers the registry messages of dīvidere too, whose services need
--events to register again after it was restarted.`,
		Example: `  mittere registry                                      this host only, at ports 5000 and 5001
  mittere registry --bind 'tcp://*:5000'                for other hosts too
  mittere registry --store registry.db                  keep the table when it is killed
  mittere registry --bind 'tcp://127.0.0.1:*' --events ''   a free port`,
		Annotations: map[string]string{serving: "registry"},
		Args:        cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, args []string) error {
			return errors.Join(serves(cmd, args), somewhere(c.bind))
		},
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("events") {
				c.events = eventsBeside(c.bind)
			}
			return c.run(cmd.Context(), cmd.ErrOrStderr())
		}),
	}
	c.addFlags(cmd)
	return cmd
}

// addFlags adds the flags.
func (c *registryCommand) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.bind, "bind", registry.DefaultEndpoint, "where to serve: `endpoints`, separated by commas; port * is a free one")
	f.StringVar(&c.events, "events", registry.DefaultEvents, "where to ask dīvidere's services to register again: `endpoints`; port 5001 beside --bind if not given, empty is nowhere")
	f.StringVar(&c.store, "store", "", "`file` that keeps the table; without one it is lost with the process")
	c.lease = addDuration(cmd, "lease", registry.DefaultLease, "lease of instances that ask for none")
	c.least = addDuration(cmd, "min-lease", registry.DefaultMinLease, "shortest lease")
	c.longest = addDuration(cmd, "max-lease", registry.DefaultMaxLease, "longest lease")
	c.plain = addDuration(cmd, "plain-lease", registry.DefaultPlainLease, "lease of dīvidere's services")
	f.Var(&c.instances, "max-instances", "how many instances there may be")
	f.Var(&c.log, "log-format", "format of the log, which goes to standard error")
	addLevel(cmd, &c.level)
}

// run serves until ctx ends.
func (c *registryCommand) run(ctx context.Context, stderr io.Writer) (err error) {
	log := newLogger(stderr, c.log.value, c.level)
	zctx, err := comm.NewContext(comm.WithLogger(log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, zctx.Close()) }()
	options := []registry.ServerOption{registry.WithEvents(c.events), registry.WithLogger(log), registry.WithLimits(c.limits())}
	if c.store != "" {
		store, err := boltstore.Open(ctx, c.store)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		options = append(options, registry.WithStore(store))
	}
	server, err := registry.NewServer(zctx, c.bind, options...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	log.Info("the registry serves", "endpoints", strings.Join(server.Endpoints(), ","), "events", strings.Join(server.EventEndpoints(), ","), "reach", reach(slices.Concat(server.Endpoints(), server.EventEndpoints())...))
	return server.Run(ctx)
}

// limits returns the bounds of the table.
func (c *registryCommand) limits() registry.Limits {
	return registry.Limits{
		DefaultLease: time.Duration(*c.lease), MinLease: time.Duration(*c.least), MaxLease: time.Duration(*c.longest),
		PlainLease: time.Duration(*c.plain), MaxInstances: int(c.instances),
	}
}

// serves refuses the flags that say where to ask, for commands that serve.
func serves(cmd *cobra.Command, _ []string) error {
	for _, name := range []string{"registry", "broker"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s is where to ask; where to serve is --bind", name)
		}
	}
	return nil
}

// somewhere refuses to serve nowhere.
func somewhere(bind ...string) error {
	if strings.TrimSpace(strings.Join(bind, "")) == "" {
		return errors.New("--bind is empty: want an endpoint, such as " + registry.DefaultEndpoint)
	}
	return nil
}

// addLevel adds the flags that say how much is logged.
func addLevel(cmd *cobra.Command, level *slog.Level) {
	f := cmd.Flags()
	f.TextVar(level, "log-level", slog.LevelInfo, "least `level` of the log: debug, which has each message, info, warn or error")
	f.BoolFuncP("verbose", "v", "log each message: --log-level debug", func(string) error {
		*level = slog.LevelDebug
		return nil
	})
}

// inWords writes a duration with its unit, also in JSON.
func inWords(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().String())
	}
	return a
}

// newLogger returns a log in a format.
func newLogger(w io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: inWords}
	if format == formatJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
