package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/service/broker"
)

// brokerCommand is "mittere broker" with its flags.
type brokerCommand struct {
	bind                     []string
	pirates                  pirates
	once                     []string
	name                     string
	heartbeat, expiry, drain *duration
	longest                  *duration
	liveness, queue, size    positive
	log                      choice
	level                    slog.Level
}

func newBroker() *cobra.Command {
	c := &brokerCommand{
		log:      choice{"text", []string{"text", "json"}},
		liveness: broker.DefaultLiveness, queue: 10_000, size: comm.DefaultMaxFrameSize,
	}
	cmd := &cobra.Command{
		Use:   "broker",
		Short: "Run a broker",
		Long: `Run a broker: it gives the requests of clients to the workers of a service, least
busy first, queues what no worker can take yet, and gives what a dead worker had to
another one.

Clients and workers of Mittere, of dīvidere and of Majordomo (MDP/0.1 and MDP/0.2,
RFC 7 and RFC 18 of ZeroMQ) share its endpoints, and each other's services. Paranoid
Pirates (RFC 6) have endpoints of their own: --pirate front=WHERE,back=WHERE,service=NAME,
where clients connect to the front and workers of the service to the back.

It serves this host alone, at the loopback interface, until --bind says otherwise:
tcp://*:5555 is every interface, and nobody who reaches it is asked who it is.

"mittere workers", "services --broker" and "stats --broker" tell what it does; it
answers mmi.service (RFC 8), mmi.services and mmi.workers as well. It serves until it
is interrupted or terminated; then it takes no further requests and lets those that
it has end, if there are workers for them. A second signal ends it at once.`,
		Example: `  mittere broker                                                   this host only, at port 5555
  mittere broker --bind 'tcp://*:5555'                             for other hosts too
  mittere broker --bind 'tcp://127.0.0.1:*' --bind ipc:///tmp/b    a free port, and a path
  mittere broker --heartbeat 1s --expiry 10s --queue 500
  mittere broker --pirate front=tcp://*:5556,back=tcp://*:5557,service=echo`,
		Annotations: map[string]string{serving: "broker"},
		Args:        cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, args []string) error {
			return errors.Join(serves(cmd, args), somewhere(c.bind...), c.check())
		},
		RunE: does(func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), cmd.ErrOrStderr()) }),
	}
	c.addFlags(cmd)
	return cmd
}

// addFlags adds the flags.
func (c *brokerCommand) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&c.bind, "bind", []string{broker.DefaultEndpoint}, "where to serve: `endpoint`, or several with commas; port * is a free one; may be given several times")
	f.StringVar(&c.name, "name", "", "`name` of this broker, which others see; a random one if empty")
	f.Var(&c.pirates, "pirate", "sockets for Paranoid Pirates; may be given several times")
	f.StringArrayVar(&c.once, "no-repeat", nil, "`service` of Majordomo or pirates whose requests no second worker gets when the first is lost; may be given several times")
	c.heartbeat = addDuration(cmd, "heartbeat", broker.DefaultHeartbeat, "how often workers and broker say that they live")
	f.Var(&c.liveness, "liveness", "how many heartbeats may be missing before a worker is dead")
	f.Var(&c.queue, "queue", "how many requests wait for one service")
	c.expiry = addDuration(cmd, "expiry", 30*time.Second, "how long a request without a deadline may wait")
	c.longest = addDuration(cmd, "longest", 24*time.Hour, "how long any request or stream may take")
	f.Var(&c.size, "max-message", "largest frame of a message, in bytes")
	c.drain = addDuration(cmd, "drain", broker.DefaultDrainTimeout, "how long requests may take when the broker stops")
	f.Var(&c.log, "log-format", "format of the log, which goes to standard error")
	addLevel(cmd, &c.level)
}

// check refuses times that would stand for others.
func (c *brokerCommand) check() error {
	if *c.expiry == 0 || *c.longest == 0 {
		return errors.New("--expiry and --longest must be above 0")
	}
	return nil
}

// run serves until ctx ends.
func (c *brokerCommand) run(ctx context.Context, stderr io.Writer) (err error) {
	log := newLogger(stderr, c.log.value, c.level)
	zctx, err := comm.NewContext(comm.WithLogger(log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, zctx.Close()) }()
	b, err := broker.New(zctx, strings.Join(c.bind, ","), c.options(log)...)
	if err != nil {
		return usage(err)
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	log.Info("the broker serves", "name", b.Name(), "endpoints", strings.Join(b.Endpoints(), ","), "reach", reach(b.Endpoints()...))
	for _, p := range b.Pirates() {
		log.Info("pirates are served", "service", p.Service, "front", strings.Join(p.Front, ","), "back", strings.Join(p.Back, ","), "reach", reach(slices.Concat(p.Front, p.Back)...))
	}
	err = b.Run(ctx)
	s := b.Stats().Counters
	log.Info("the broker stopped", "requests", s.Requests, "answered", s.Answered, "failed", s.Failed, "expired", s.Expired, "cancelled", s.Cancelled)
	return err
}

// options returns how the broker works.
func (c *brokerCommand) options(log *slog.Logger) []broker.Option {
	options := []broker.Option{
		broker.WithHeartbeat(time.Duration(*c.heartbeat), int(c.liveness)), broker.WithLogger(log),
		broker.WithVersion(ownVersion(version, debug.ReadBuildInfo)),
		broker.WithoutRepeat(c.once...), broker.WithDrainTimeout(time.Duration(*c.drain)), broker.WithSocket(comm.WithMaxFrameSize(int(c.size))),
		broker.WithLimits(broker.Limits{
			Queue: int(c.queue), Expiry: time.Duration(*c.expiry), Longest: time.Duration(*c.longest),
		}),
	}
	if c.name != "" {
		options = append(options, broker.WithName(c.name))
	}
	for _, p := range c.pirates {
		options = append(options, broker.WithPirate(p.front, p.back, p.service))
	}
	return options
}
