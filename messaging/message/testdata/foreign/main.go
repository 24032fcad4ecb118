// Command foreign is a program of a user who comes from dīvidere: it links Go code
// of dīvidere's messages, which have no package, beside all layers of Mittere. If
// one of those registered a message of the same name, it would panic before main.
//
// msglib.pb.go is what protoc-gen-go makes of proto/dividere/msglib.proto.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"

	// All that a program of Mittere may link.
	_ "github.com/mittere/mittere/gen/census/v1"
	_ "github.com/mittere/mittere/gen/mittere/test/v1"
	_ "github.com/mittere/mittere/gen/mittere/v1"
	_ "github.com/mittere/mittere/reactor"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// run publishes messages to itself and prints what arrives.
func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	zctx, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer zctx.Close()
	pub, err := messaging.NewPublisher(zctx, "inproc://heartbeats", messaging.WithoutMeta())
	if err != nil {
		return err
	}
	sub, err := messaging.NewSubscriber(zctx, "inproc://heartbeats")
	if err != nil {
		return err
	}
	for _, m := range []proto.Message{&Heartbeat{Id: "server-1"}, &Ack{Ok: true}, &ShutdownEvent{}} {
		if err := tell(ctx, pub, sub, m); err != nil {
			return err
		}
	}
	return nil
}

// tell publishes a message and prints it as the subscriber has it.
func tell(ctx context.Context, pub *messaging.Publisher, sub *messaging.Subscriber, m proto.Message) error {
	if err := pub.WaitForSubscribers(ctx, 1, m); err != nil {
		return err
	}
	if err := pub.Send(ctx, m); err != nil {
		return err
	}
	d, err := sub.Recv(ctx)
	if err != nil {
		return err
	}
	got, err := d.Open()
	if err != nil {
		return err
	}
	fmt.Printf("%s %T %v\n", d.Type, got, proto.Equal(got, m))
	return nil
}
