// Command server serves the ticker until Ctrl-C.
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
	"github.com/mittere/mittere/examples/ticker"
	"github.com/mittere/mittere/gen/ticker/v1/tickerv1mittere"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

func main() {
	registry := flag.String("registry", os.Getenv("MITTERE_REGISTRY"), "`endpoint` of the registry; the default is $MITTERE_REGISTRY, empty is none")
	var bind []string
	flag.Func("bind", "`endpoint` to listen at, such as tcp://*:5556; the default is a free port", func(endpoint string) error {
		bind = append(bind, endpoint)
		return nil
	})
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal does not wait
	if err := serve(ctx, *registry, bind); err != nil {
		log.Fatal(err)
	}
}

// serve serves until ctx ends, which ends the streams too.
func serve(ctx context.Context, registry string, bind []string) error {
	zctx, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer zctx.Close()

	handlers := reactor.NewHandlers()
	tickerv1mittere.RegisterTickerService(handlers, ticker.Handler{})
	server, err := service.NewServer(zctx, "ticker", handlers,
		service.WithRegistry(registry), service.WithBind(bind...), service.WithStreamsEnded())
	if err != nil {
		return err
	}
	defer server.Close()

	if at := server.Endpoints(); len(at) > 0 {
		fmt.Println("ticker at", at[0])
	} else {
		fmt.Println("ticker looks for a way to", registry) // and logs where it listens
	}
	if err := server.Run(ctx); err != nil {
		return err
	}
	fmt.Println("ticker drained")
	return nil
}
