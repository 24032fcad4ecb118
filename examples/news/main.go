// Command news is the smallest program that publishes and subscribes: a sensor publishes
// temperatures of rooms, and a display shows those of one room. In life they are two
// processes, in whatever order they start.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

func main() {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	zctx := must(comm.NewContext())
	defer zctx.Close() // and the sockets

	// The sensor binds, at a free port.
	sensor := must(messaging.NewPublisher(zctx, "tcp://127.0.0.1:*"))

	// The display connects, and selects a type of message and a subject.
	temperature := &wrapperspb.DoubleValue{} // any message of the type
	display := must(messaging.NewSubscriber(zctx, sensor.Endpoints()[0],
		messaging.WithTopics(messaging.OfSubject(temperature, "room", "7"))))

	// What is published before a subscription has arrived is not for that subscriber. The
	// sensor of this example waits for it; another one would just send.
	check(sensor.WaitForSubscribers(ctx, 1, temperature, "room", "7"))
	check(sensor.Send(ctx, wrapperspb.Double(17.5), messaging.Subject("room", "8")))
	check(sensor.Send(ctx, wrapperspb.Double(21), messaging.Subject("room", "7")))
	check(sensor.Send(ctx, wrapperspb.Double(21.5), messaging.Subject("room", "7")))

	for range 2 {
		news := must(display.Recv(ctx))
		degrees := must(messaging.Open[*wrapperspb.DoubleValue](&news.Envelope))
		fmt.Println(news.Subject, degrees.GetValue(), "degrees, missed before:", news.Missed)
	}
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
