// Command hello is the smallest Mittere program: a reactor that answers one type
// of message, and a caller. In life they are two processes.
package main

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

func main() {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	zctx := must(comm.NewContext())
	defer zctx.Close()

	// The serving end: a function for a type of message, on a socket.
	rep := must(messaging.NewRep(zctx, "tcp://127.0.0.1:*"))
	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, func(_ context.Context, name *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("hello, " + name.GetValue()), nil
	})
	greeter := must(reactor.New(handlers, []reactor.Socket{rep}))
	var running sync.WaitGroup
	running.Go(func() { check(greeter.Run(ctx)) })

	// The calling end: any number of calls at once, each with its deadline.
	req := must(messaging.NewReq(zctx, rep.Endpoints()[0]))
	reply := must(messaging.Call[*wrapperspb.StringValue](ctx, req, wrapperspb.String("world")))
	fmt.Println(reply.GetValue())

	stop()
	running.Wait()
}

// must returns v, or ends the program.
func must[T any](v T, err error) T {
	check(err)
	return v
}

// check ends the program if there is an error.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
