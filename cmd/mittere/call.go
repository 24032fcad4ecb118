package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

// callCommand is "mittere call" with its flags and arguments.
type callCommand struct {
	target
	method   string
	metadata pairs
	wait     *duration
	all      bool     // all workers are called
	workers  []string // or these
	oneWay   bool
	failFast bool
	timing   bool
	forever  bool // no time was set, so that a stream may last
	printer  printer
	stderr   io.Writer
}

// silence is how long standard input may say nothing that nobody has asked for with -.
const silence = 5 * time.Second

// defaultTimeout is how long a call may take, but for a stream.
const defaultTimeout = 10 * time.Second

func newCall(g *globals) *cobra.Command {
	c := &callCommand{metadata: pairs{}}
	cmd := &cobra.Command{
		Use:   "call NAME/METHOD [JSON | @FILE | -]",
		Short: "Call a method of a service, with JSON",
		Long: `Call a method of a service. The request is JSON: an argument, a file, or standard
input for "-". Without any it is read from a pipe or file on standard input,
which may be silent for five seconds; else it is the empty message. The service
itself tells what its messages are, so no .proto file is needed.

NAME ends at the first slash. METHOD may be short, such as Add, if the service has
one such method, or full: calculator.v1.CalculatorService/Add. With --endpoint no
registry is asked, and the argument is METHOD alone.

With --broker the call goes to one of the workers of the service NAME, whichever is
least busy, or with --id to the worker of that name. With --all it goes to each of
them, and with --worker to each that is named; then every answer is an object of its
own, {"worker": NAME, "answer": {...}}, or {"worker": NAME, "error": {...}}, in the
order in which they come.

A call that waits for more than a second, for a registry, a broker or a worker that is
not there or is busy, says so on standard error. With --fail-fast it fails at once where
nobody can serve it.

A stream is printed as it comes, one JSON object a line, until it ends or is
interrupted, which cancels the call at the service. Then mittere dies of the signal,
so that a loop around it ends too.

An error is one line on standard error, "mittere: CODE: message", then its details
as JSON, one a line. The exit code is 10 + the code: 13 the JSON is wrong, 14 too
late, 15 no such name, 22 no such method, 24 not reachable; see "mittere help".`,
		Example: `  mittere call calculator/Add '{"a": 1, "b": 2}'
  mittere call calculator/calculator.v1.CalculatorService/Primes '{"limit": 100}'
  mittere call calculator/Add @request.json -H tenant=7 --timing
  jq -n '{a: 1}' | mittere call calculator/Add
  mittere call --endpoint tcp://127.0.0.1:6000 Add '{"a": 1}'
  mittere call calculator/Add '{"a": 1}' --broker tcp://127.0.0.1:5555
  mittere call calculator/Add '{"a": 1}' --worker worker-7 --worker worker-8
  mittere call mittere.v1.Broker/Settings --broker tcp://127.0.0.1:5555`,
		Args:              g.asking(atEither, c.argsFor(g)),
		ValidArgsFunction: g.completeMethod(&c.target),
	}
	c.addFlags(cmd, "how long the call may take; 0 is for ever, as it is for a stream unless this is given", defaultTimeout)
	cmd.Flags().VarP(c.metadata, "metadata", "H", "metadata of the request; may be given several times")
	c.wait = addDuration(cmd, "wait", 0, "how long the request may wait at the service before it is begun; 0 is as long as the call may take")
	cmd.Flags().BoolVar(&c.oneWay, "one-way", false, "want no answer: it is not known what becomes of the request")
	cmd.Flags().BoolVar(&c.failFast, "fail-fast", false, "fail at once, UNAVAILABLE, if nobody can serve the call, in place of waiting for somebody to come")
	cmd.Flags().BoolVar(&c.all, "all", false, "call each worker of a broker")
	cmd.Flags().StringArrayVar(&c.workers, "worker", nil, "call the worker of this `name`; may be given several times")
	_ = cmd.RegisterFlagCompletionFunc("worker", g.completeWorkers)
	cmd.MarkFlagsMutuallyExclusive("all", "worker", "id")
	cmd.Flags().BoolVar(&c.timing, "timing", false, "print to standard error where the time went")
	format := addFormat(cmd, formatJSON, formatTable)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		c.printer, c.stderr = printer{cmd.OutOrStdout(), format.value}, cmd.ErrOrStderr()
		c.forever = !cmd.Flags().Changed("timeout")
		return c.run(cmd.Context(), g, cmd.InOrStdin(), args[1:])
	})
	return cmd
}

// argsFor returns what checks the arguments.
func (c *callCommand) argsFor(g *globals) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if c.several() && !g.brokered {
			return errors.New("--all and --worker want a broker: --broker, or " + brokerVariable)
		}
		return c.parseArgs(cmd, args)
	}
}

// parseArgs reads which method is meant.
func (c *callCommand) parseArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.RangeArgs(1, 2)(cmd, args); err != nil {
		return err
	}
	if c.method = args[0]; c.endpoint != "" {
		return nil
	}
	var ok bool
	if c.name, c.method, ok = strings.Cut(args[0], "/"); !ok || c.name == "" || c.method == "" {
		return fmt.Errorf("want NAME/METHOD, got %q", args[0])
	}
	return nil
}

// run makes the call.
func (c *callCommand) run(ctx context.Context, g *globals, stdin io.Reader, argument []string) (err error) {
	var in input
	if len(argument) > 0 {
		if in, err = readArgument(ctx, stdin, argument[0]); err != nil {
			return err
		}
	}
	began := time.Now()
	limited, cancel := within(ctx, time.Duration(*c.timeout))
	defer cancel()
	c.note = &waitNotice{w: c.stderr, failFast: c.failFast}
	defer c.note.end()
	return c.find(limited, g, func(zctx *comm.Context, members []member) (err error) {
		w, err := c.dial(zctx, members)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.conn.Close()) }()
		s, err := fetchSchema(limited, w.tells)
		if err != nil {
			return orBroker(limited, zctx, c.endpoint, err)
		}
		md, err := s.find(c.method)
		if err != nil {
			return err
		}
		spent := time.Since(began) // what is left is for the call, however long the reading takes
		if len(argument) == 0 && md.Input().Fields().Len() > 0 && piped(stdin) {
			if in, err = readAll(ctx, stdin, standardInput, silence); err != nil {
				return err
			}
		}
		message, err := in.message(md.Input(), s.types)
		if err != nil {
			return err
		}
		if *c.timeout > 0 && !(c.forever && md.IsStreamingServer()) {
			left, done := within(ctx, max(time.Duration(*c.timeout)-spent, 1))
			defer done()
			ctx = left
		}
		x := &exchange{s, md, message}
		if c.several() && !c.oneWay {
			return c.gather(ctx, w.serves, x)
		}
		return c.call(ctx, w.serves, x)
	})
}

// way is how a call goes to the members that serve it.
type way struct {
	tells  call.Caller // is asked for the schema
	serves call.Caller
	conn   io.Closer
}

// dial returns the way to those members that take calls.
func (c *callCommand) dial(zctx *comm.Context, members []member) (w way, err error) {
	var able []member
	var endpoints, skipped []string
	var why error
	for _, m := range members {
		reached, err := m.reach(zctx)
		if err != nil && messaging.CodeOf(err) == messaging.Unavailable {
			skipped = append(skipped, fmt.Sprintf("%s is skipped: %v\n", m.label(), messaging.AsError(err).Message))
		}
		if err == nil && c.id == "" {
			err = idle(m.Instance)
		}
		if err != nil {
			why = err
			continue
		}
		able, endpoints = append(able, m), append(endpoints, reached...)
	}
	if len(able) > 0 { // else the error says it
		for _, line := range skipped {
			_, _ = io.WriteString(c.stderr, printable(line))
		}
	}
	last := members[len(members)-1]
	switch {
	case len(able) == 0:
		return way{}, messaging.Errorf(messaging.CodeOf(why), "none of %d %s of %s takes calls; %s: %w",
			len(members), last.kind(), c.name, last.label(), why)
	case last.broker != "":
		return c.dialBroker(zctx, last.broker, able[0])
	}
	client, err := service.NewClient(zctx, c.name, service.FromEndpoints(endpoints...),
		service.WithPatience(c.patience()), service.WithCallInterceptors(c.note.intercept))
	return way{client, client, client}, err
}

// dialBroker returns the way through a broker. One worker that can tells the schema,
// since the broker may give a request to another that cannot.
func (c *callCommand) dialBroker(zctx *comm.Context, endpoint string, teller member) (way, error) {
	client, err := service.NewClient(zctx, c.name, service.FromBroker(endpoint),
		service.WithPatience(c.patience()), service.WithCallInterceptors(c.note.intercept))
	if err != nil {
		return way{}, err
	}
	w := way{toWorkers(client, teller.GetId()), client, client}
	switch {
	case c.id != "":
		w.serves = toWorkers(client, c.id)
	case c.all:
		w.serves = toTarget(client, &call.Target{All: true})
	case len(c.workers) > 0:
		w.serves = toWorkers(client, c.workers...)
	}
	return w, nil
}

// several reports whether several workers may answer.
func (c *callCommand) several() bool { return c.all || len(c.workers) > 0 }

// patience returns how long to wait for a service that cannot be reached: as long
// as the call may take, whose own deadline ends that.
func (c *callCommand) patience() time.Duration {
	if c.forever {
		return patience
	}
	return math.MaxInt64
}

// idle returns why an instance takes no calls for now, nil if it does.
func idle(instance *mitterev1.Instance) error {
	switch instance.GetHealth() {
	case mitterev1.Health_HEALTH_NOT_SERVING, mitterev1.Health_HEALTH_DRAINING:
		return messaging.Errorf(messaging.Unavailable, "it is %s", viewOf(instance, "health").cell("health"))
	default:
		return nil
	}
}

// exchange is one request with what is known of its method.
type exchange struct {
	schema  *schema
	method  protoreflect.MethodDescriptor
	message proto.Message
}

// request returns the request.
func (c *callCommand) request(x *exchange) *call.Request {
	return &call.Request{
		Method: call.MethodOf(x.method), Message: x.message, Metadata: c.metadata,
		OneWay: c.oneWay, Wait: time.Duration(*c.wait),
	}
}

// call makes the call and prints its answers.
func (c *callCommand) call(ctx context.Context, caller call.Caller, x *exchange) error {
	timing := &call.Timing{}
	began := time.Now()
	r := c.request(x)
	r.Timing = timing
	var wrong error
	err := caller.Call(ctx, r, func(e *messaging.Envelope) error {
		text, err := x.answer(e)
		wrong = cmp.Or(wrong, err)
		return c.printer.message(text)
	})
	c.printTiming(timing, time.Since(began))
	if err = cmp.Or(err, wrong); err != nil {
		return &detailedError{messaging.AsError(err), x.schema.types}
	}
	return nil
}
