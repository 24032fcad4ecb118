// Command server serves the calculator until Ctrl-C.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/calculator"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

func main() {
	registry := flag.String("registry", os.Getenv("MITTERE_REGISTRY"), "`endpoint` of the registry; the default is $MITTERE_REGISTRY, empty is none")
	broker := flag.String("broker", "", "`endpoint` of a broker to work for")
	var bind []string
	flag.Func("bind", "`endpoint` to listen at, such as tcp://*:5555; the default is a free port", func(endpoint string) error {
		bind = append(bind, endpoint)
		return nil
	})
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal does not wait
	run := func() error { return serve(ctx, *registry, bind) }
	if *broker != "" {
		run = func() error { return work(ctx, *broker) }
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// serve serves until ctx ends and the calls that run then have ended.
func serve(ctx context.Context, registry string, bind []string) error {
	zctx, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer zctx.Close()

	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, &calculator.Handler{})
	server, err := service.NewServer(zctx, "calculator", handlers,
		service.WithRegistry(registry), service.WithBind(bind...))
	if err != nil {
		return err
	}
	defer server.Close()

	if at := server.Endpoints(); len(at) > 0 {
		fmt.Println("calculator at", at[0])
	} else {
		fmt.Println("calculator looks for a way to", registry) // and logs where it listens
	}
	if err := server.Run(ctx); err != nil {
		return err
	}
	fmt.Println("calculator drained")
	return nil
}

// work is serve behind a broker: the same handlers, and no port.
func work(ctx context.Context, broker string) error {
	zctx, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer zctx.Close()

	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, &calculator.Handler{})
	worker, err := service.NewServer(zctx, "calculator", handlers, service.WithBroker(broker))
	if err != nil {
		return err
	}
	defer worker.Close()

	fmt.Println("calculator behind", broker)
	if err := worker.Run(ctx); err != nil {
		return err
	}
	fmt.Println("calculator drained")
	return nil
}
