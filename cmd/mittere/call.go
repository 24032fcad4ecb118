package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

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
	oneWay   bool
	timing   bool
	forever  bool // no time was set, so that a stream may last
	printer  printer
	stderr   io.Writer
}

// defaultTimeout is how long a call may take, but for a stream.
const defaultTimeout = 10 * time.Second

func newCall(g *globals) *cobra.Command {
	c := &callCommand{metadata: pairs{}}
	cmd := &cobra.Command{
		Use:   "call NAME/METHOD [JSON | @FILE | -]",
		Short: "Call a method of a service, with JSON",
		Long: `Call a method of a service. The request is JSON: an argument, a file, or standard
input for "-"; none is the empty message. The service itself tells what its
messages are, so no .proto file is needed.

NAME ends at the first slash. METHOD may be short, such as Add, if the service has
one such method, or full: calculator.v1.CalculatorService/Add. With --endpoint no
registry is asked, and the argument is METHOD alone.

A stream is printed as it comes, one JSON object a line, until it ends or is
interrupted, which cancels the call at the service.

An error is one line on standard error, "mittere: CODE: message", then its details
as JSON, one a line. The exit code is 10 + the code: 11 interrupted, 13 the JSON is
wrong, 14 too late, 15 no such name, 22 no such method, 24 not reachable; see
"mittere help".`,
		Example: `  mittere call calculator/Add '{"a": 1, "b": 2}'
  mittere call calculator/calculator.v1.CalculatorService/Primes '{"limit": 100}'
  mittere call calculator/Add @request.json -H tenant=7 --timing
  jq -n '{a: 1}' | mittere call calculator/Add -
  mittere call --endpoint tcp://127.0.0.1:5555 Add '{"a": 1}'`,
		Args:              c.parseArgs,
		ValidArgsFunction: g.completeMethod(&c.target),
	}
	c.addFlags(cmd, "how long the call may take; 0 is for ever, as it is for a stream unless this is given", defaultTimeout)
	cmd.Flags().VarP(c.metadata, "metadata", "H", "metadata of the request; may be given several times")
	c.wait = addDuration(cmd, "wait", 0, "how long the request may wait at the service before it is begun; 0 is as long as the call may take")
	cmd.Flags().BoolVar(&c.oneWay, "one-way", false, "want no answer: it is not known what becomes of the request")
	cmd.Flags().BoolVar(&c.timing, "timing", false, "print to standard error where the time went")
	format := addFormat(cmd, formatJSON, formatTable)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		c.printer, c.stderr = printer{cmd.OutOrStdout(), format.value}, cmd.ErrOrStderr()
		c.forever = !cmd.Flags().Changed("timeout")
		return c.run(cmd.Context(), g, cmd.InOrStdin(), args[1:])
	})
	return cmd
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
	var input []byte
	if len(argument) > 0 {
		if input, err = readInput(ctx, stdin, argument[0]); err != nil {
			return err
		}
	}
	limited, cancel := within(ctx, time.Duration(*c.timeout))
	defer cancel()
	return c.find(limited, g, func(zmq *comm.Context, instances []*mitterev1.Instance) (err error) {
		client, err := c.dial(zmq, instances)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, client.Close()) }()
		s, err := fetchSchema(limited, client)
		if err != nil {
			return err
		}
		md, err := s.find(c.method)
		if err != nil {
			return err
		}
		message, err := parseMessage(input, md.Input(), s.types)
		if err != nil {
			return err
		}
		if !c.forever || !md.IsStreamingServer() {
			ctx = limited
		}
		return c.call(ctx, client, &exchange{s, md, message})
	})
}

// dial returns a client of those instances that take calls.
func (c *callCommand) dial(zmq *comm.Context, instances []*mitterev1.Instance) (*service.Client, error) {
	var endpoints []string
	var why error
	for _, instance := range instances {
		endpoint, err := reach(zmq, instance)
		if err == nil && c.id == "" {
			err = idle(instance)
		}
		if err != nil {
			why = err
			continue
		}
		endpoints = append(endpoints, endpoint)
	}
	if len(endpoints) == 0 {
		return nil, messaging.Errorf(messaging.CodeOf(why), "none of %d instances of %s takes calls; %s: %w",
			len(instances), c.name, labelOf(instances[len(instances)-1]), why)
	}
	return service.NewClient(zmq, c.name, service.FromEndpoints(endpoints...), service.WithPatience(c.patience()))
}

// patience returns how long to wait for a service that cannot be reached: as long
// as the call may take, if the user said how long.
func (c *callCommand) patience() time.Duration {
	if c.forever {
		return patience
	}
	return cmp.Or(time.Duration(*c.timeout), math.MaxInt64)
}

// idle returns why an instance takes no calls for now, nil if it does.
func idle(instance *mitterev1.Instance) error {
	switch instance.GetHealth() {
	case mitterev1.Health_HEALTH_NOT_SERVING, mitterev1.Health_HEALTH_DRAINING:
		return messaging.Errorf(messaging.Unavailable, "it is %s", healthName(instance.GetHealth()))
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

// call makes the call and prints its answers.
func (c *callCommand) call(ctx context.Context, caller call.Caller, x *exchange) error {
	timing := &call.Timing{}
	began := time.Now()
	err := caller.Call(ctx, &call.Request{
		Method: call.MethodOf(x.method), Message: x.message, Metadata: c.metadata,
		OneWay: c.oneWay, Wait: time.Duration(*c.wait), Timing: timing,
	}, func(e *messaging.Envelope) error {
		answer := dynamicpb.NewMessage(x.method.Output())
		if err := e.OpenInto(answer); err != nil {
			return err
		}
		return c.print(answer, x.schema.types)
	})
	c.printTiming(timing, time.Since(began))
	if err != nil {
		return &detailedError{messaging.AsError(err), x.schema.types}
	}
	return nil
}

// printTiming prints where the time went, if that is wanted. Without an answer only
// the caller's own is known.
func (c *callCommand) printTiming(t *call.Timing, total time.Duration) {
	switch {
	case !c.timing:
	case t.Instance == "":
		fmt.Fprintf(c.stderr, "all in all %s\n", short(total))
	default:
		fmt.Fprintf(c.stderr, "waited %s, executed %s, all in all %s, at instance %s\n",
			short(t.Waited), short(t.Executed), short(total), printable(t.Instance))
	}
}

// print prints one answer.
func (c *callCommand) print(m proto.Message, types resolver) error {
	text, err := messageJSON(m, types)
	if err != nil {
		return messaging.Errorf(messaging.Internal, "the answer cannot be printed: %w", err)
	}
	var fields map[string]json.RawMessage
	if c.printer.json() || json.Unmarshal(text, &fields) != nil {
		return c.printer.text(string(text) + "\n")
	}
	var rows [][]string
	all := m.ProtoReflect().Descriptor().Fields()
	for i := range all.Len() {
		if value, ok := fields[all.Get(i).JSONName()]; ok {
			rows = append(rows, []string{all.Get(i).JSONName(), plainText(value)})
			delete(fields, all.Get(i).JSONName())
		}
	}
	if len(fields) > 0 { // one of the types whose JSON is not their fields
		return c.printer.text(string(text) + "\n")
	}
	return c.printer.rows(rows...)
}

// plainText returns a JSON string without its quotes, all else as it is.
func plainText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}
