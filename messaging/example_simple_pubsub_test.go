package messaging_test

import (
	"context"
	"fmt"
	"log"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

// The first program of dīvidere's guide: one side publishes messages in a loop, the
// other one receives them. Nothing sleeps: the publisher knows when there is a
// subscriber.
func Example_simplePubSub() {
	ctx := context.Background()
	zctx, err := comm.NewContext()
	if err != nil {
		log.Fatal(err)
	}
	defer zctx.Close()
	pub, err := messaging.NewPublisher(zctx, "tcp://127.0.0.1:*")
	if err != nil {
		log.Fatal(err)
	}
	sub, err := messaging.NewSubscriber(zctx, pub.Endpoints()[0])
	if err != nil {
		log.Fatal(err)
	}

	if err := pub.WaitForSubscribers(ctx, 1, &testv1.Note{}); err != nil {
		log.Fatal(err)
	}
	for i := range 3 {
		if err := pub.Send(ctx, &testv1.Note{Text: "hello", Number: int64(i)}); err != nil {
			log.Fatal(err)
		}
	}

	for note, err := range messaging.MessagesOf[*testv1.Note](ctx, sub) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(note.GetText(), note.GetNumber())
		if note.GetNumber() == 2 {
			break
		}
	}
	// Output:
	// hello 0
	// hello 1
	// hello 2
}
