// Command client prints the ticks of a stream, until there were enough or Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	tickerv1 "github.com/mittere/mittere/gen/ticker/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/ticker/v1/tickerv1mittere"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

// settings are what the flags set.
type settings struct {
	interval time.Duration
	count    uint64
	window   int
	pause    time.Duration
}

func main() {
	registry := flag.String("registry", os.Getenv("MITTERE_REGISTRY"), "`endpoint` of the registry; the default is $MITTERE_REGISTRY")
	server := flag.String("server", "", "`endpoint` of the server, to do without a registry")
	var s settings
	flag.DurationVar(&s.interval, "interval", time.Second, "time from one tick to the next")
	flag.Uint64Var(&s.count, "count", 0, "how many ticks; 0 is without end")
	flag.IntVar(&s.window, "window", call.DefaultWindow, "how many ticks may be on their way")
	flag.DurationVar(&s.pause, "pause", 0, "rest after each tick, to be slower than the server; with it the age of ticks is printed")
	flag.Parse()
	where := service.FromRegistry(*registry)
	if *server != "" {
		where = service.FromEndpoints(*server)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal does not wait
	if err := run(ctx, where, s); err != nil {
		log.Fatal(err)
	}
}

// run prints ticks until ctx ends, which cancels the stream at the server too.
func run(ctx context.Context, where service.Source, s settings) error {
	zctx, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer zctx.Close()
	client, err := service.NewClient(zctx, "ticker", where)
	if err != nil {
		return err
	}
	defer client.Close()

	ticker := tickerv1mittere.NewTickerServiceClient(client)
	req := &tickerv1.TicksRequest{IntervalNano: int64(s.interval), Count: s.count}
	ticks := 0
	for item, err := range ticker.Ticks(ctx, req, call.WithWindow(s.window)) {
		if ctx.Err() != nil {
			fmt.Println("cancelled after", ticks, "ticks")
			return nil
		}
		if err != nil {
			return err
		}
		ticks++
		s.show(ctx, item.GetTick())
	}
	if ticks == 0 {
		return errors.New("no tick came")
	}
	fmt.Println("the end, after", ticks, "ticks")
	return nil
}

// show prints a tick and rests.
func (s settings) show(ctx context.Context, tick *tickerv1.Tick) {
	if s.pause == 0 {
		fmt.Println("tick", tick.GetNumber())
		return
	}
	age := time.Since(time.Unix(0, tick.GetTimeUnixNano()))
	fmt.Printf("tick %d, %v old\n", tick.GetNumber(), age.Round(100*time.Millisecond))
	select {
	case <-time.After(s.pause):
	case <-ctx.Done():
	}
}
