package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mittere/mittere/service"
)

// payloadSize is the payload of every row that sends bytes.
const payloadSize = 100

// systems are the columns, in the order of the table. Mittere has every pattern.
func systems() []System {
	return []System{
		goSystem{"mittere", mittere{}},
		goSystem{"service", services{direct, service.FromEndpoints}},
		goSystem{"broker", services{behindBroker, service.FromBroker}},
		goSystem{"comm", commPeer{commTicks{batch: 1}}},
		goSystem{"comm-64", commTicks{batch: 64}},
		goSystem{"grpc", grpcGo{}},
		goSystem{"pebbe", pebbe{}},
		&libzmq{},
	}
}

// options are the flags.
type options struct {
	settings Settings
	rows     []Row
	systems  []System
	output   string
	baseline string
}

// parseOptions reads the flags. An error is a fault of usage, already said.
func parseOptions(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	length := f.Float64("seconds", 2, "how long each cell is measured in each round")
	f.IntVar(&o.settings.Rounds, "rounds", 5, "how often each cell is measured")
	rows := f.String("row", "", "only these rows, by name or number: 1,publish")
	columns := f.String("system", "", "only these systems: grpc,libzmq")
	f.StringVar(&o.output, "o", "table", "what to write: table or json")
	f.StringVar(&o.baseline, "baseline", "grpc", "the system whose rate is 1.00 in the table")
	f.StringVar(&o.settings.Profiles, "profiles", "", "write processor and allocation profiles of the Go systems to this directory")
	once := f.Bool("once", false, "every cell once, for a moment, to see that it runs")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.settings.Window, o.settings.Warm, o.settings.Size = seconds(*length), 300*time.Millisecond, payloadSize
	if *once {
		o.settings.Rounds, o.settings.Window, o.settings.Warm = 1, 50*time.Millisecond, 20*time.Millisecond
	}
	var rowsErr, systemsErr error
	o.rows, rowsErr = pickRows(*rows)
	o.systems, systemsErr = pickSystems(systems(), *columns)
	return o, errors.Join(rowsErr, systemsErr, o.check())
}

// check reports what the flags may not say.
func (o options) check() error {
	switch {
	case o.output != "table" && o.output != "json":
		return fmt.Errorf("-o is table or json, not %q", o.output)
	case o.settings.Rounds < 1:
		return errors.New("-rounds is at least 1")
	case o.settings.Window < time.Millisecond:
		return errors.New("-seconds is at least 0.001")
	}
	return nil
}

// bench measures and writes the report. What was measured is written also when
// some cell failed.
func bench(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, s := range o.systems {
		if err := s.Prepare(ctx, dir); err != nil {
			return fmt.Errorf("%s: %w", s.Name(), err)
		}
	}
	cells, err := runner{o.settings, o.rows, o.systems, os.Stderr}.run(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r := Report{newFacts(ctx), o.settings, o.rows, summarize(cells)}
	return errors.Join(err, o.write(r))
}

// write writes the report as the flags say.
func (o options) write(r Report) error {
	if o.output == "json" {
		return r.writeJSON(os.Stdout)
	}
	return errors.Join(r.writeTable(os.Stdout, o.baseline), r.writeRatios(os.Stdout, "mittere"))
}

// run is the program; it returns the exit code.
func run(args []string) int {
	if len(args) > 1 && args[0] == childWord {
		return exitCode(runChild(systems(), args[1:]), 1)
	}
	if len(args) == 1 && args[0] == brokerWord {
		return exitCode(runBroker(), 1)
	}
	o, err := parseOptions(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitCode(err, 2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal does not wait
	return exitCode(bench(ctx, o), 1)
}

// exitCode says an error, if there is one, and returns its code.
func exitCode(err error, code int) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		return 130
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	return code
}

func main() { os.Exit(run(os.Args[1:])) }
