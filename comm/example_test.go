package comm_test

import (
	"context"
	"fmt"

	"github.com/mittere/mittere/comm"
)

// check ends an example that went wrong.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A publisher that waits for its subscribers loses no first message.
func ExamplePublisher() {
	ctx := context.Background()
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()

	publisher, err := comm.NewPublisher(zctx, "tcp://127.0.0.1:*")
	check(err)
	subscriber, err := comm.NewSubscriber(zctx, publisher.Endpoints()[0])
	check(err)
	check(subscriber.Subscribe([]byte("weather")))
	check(publisher.WaitForSubscribers(ctx, 1, []byte("weather")))

	check(publisher.Send(ctx, comm.NewMessage([]byte("sports"), []byte("2:1"))))
	check(publisher.Send(ctx, comm.NewMessage([]byte("weather"), []byte("sunny"))))
	m, err := subscriber.Recv(ctx)
	check(err)
	defer m.Release()
	fmt.Printf("%s: %s\n", m.Frames[0], m.Frames[1])
	// Output: weather: sunny
}

// Any number of requests may be under way at once; each gets its own reply.
func ExampleReq() {
	ctx := context.Background()
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()

	response, err := comm.NewRep(zctx, "tcp://127.0.0.1:*")
	check(err)
	go func() {
		m, err := response.Recv(ctx)
		check(err)
		defer m.Release()
		route, body := m.Frames[:3], m.Frames[3:] // its peer, its number, an empty frame
		check(response.Reply(ctx, route, []byte("hello, "), body[0]))
	}()

	request, err := comm.NewReq(zctx, response.Endpoints()[0])
	check(err)
	reply, err := request.Do(ctx, []byte("world"))
	check(err)
	defer reply.Release()
	fmt.Printf("%s%s\n", reply.Frames[0], reply.Frames[1])
	// Output: hello, world
}

// A response tells requests apart by the way that they came.
func ExampleRep() {
	ctx := context.Background()
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()

	response, err := comm.NewRep(zctx, "inproc://answers")
	check(err)
	dealer, err := comm.NewDealer(zctx, "inproc://answers")
	check(err)
	for _, question := range []string{"first", "second"} {
		check(dealer.Send(ctx, comm.NewMessage([]byte(question), nil, []byte("body"))))
	}
	batch := make([]comm.Message, 2)
	for taken := 0; taken < 2; {
		n, err := response.RecvBatch(ctx, batch[taken:])
		check(err)
		taken += n
	}
	for _, m := range []comm.Message{batch[1], batch[0]} { // the second first
		route, body := m.Frames[:1], m.Frames[1:] // its peer
		check(response.Reply(ctx, route, body...))
		reply, err := dealer.Recv(ctx)
		check(err)
		fmt.Printf("%s\n", reply.Frames[0])
	}
	// Output:
	// second
	// first
}

// A router names the peer that it sends to; a dealer may choose its name.
func ExampleRouter() {
	ctx := context.Background()
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()

	router, err := comm.NewRouter(zctx, "tcp://127.0.0.1:*")
	check(err)
	dealer, err := comm.NewDealer(zctx, router.Endpoints()[0], comm.WithRoutingID("ann"))
	check(err)

	check(dealer.Send(ctx, comm.NewMessage([]byte("ready"))))
	m, err := router.Recv(ctx)
	check(err)
	fmt.Printf("%s is %s\n", m.Frames[0], m.Frames[1])

	check(router.Send(ctx, comm.NewMessage([]byte("ann"), []byte("work"))))
	m, err = dealer.Recv(ctx)
	check(err)
	fmt.Printf("ann gets %s\n", m.Frames[0])
	// Output:
	// ann is ready
	// ann gets work
}

// Each message goes to one of the pullers, in turn.
func ExamplePush() {
	ctx := context.Background()
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()

	left, err := comm.NewPull(zctx, "inproc://left")
	check(err)
	right, err := comm.NewPull(zctx, "inproc://right")
	check(err)
	push, err := comm.NewPush(zctx, "inproc://left, inproc://right")
	check(err)

	for i := range 4 {
		check(push.Send(ctx, comm.NewMessage(fmt.Append(nil, i))))
	}
	for range 2 {
		l, err := left.Recv(ctx)
		check(err)
		r, err := right.Recv(ctx)
		check(err)
		fmt.Printf("%s %s\n", l.Frames[0], r.Frames[0])
	}
	// Output:
	// 0 1
	// 2 3
}

// Two pair sockets talk in both directions, and with nobody else.
func ExamplePair() {
	ctx := context.Background()
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()

	one, err := comm.NewPair(zctx, "@inproc://talk")
	check(err)
	other, err := comm.NewPair(zctx, ">inproc://talk")
	check(err)

	check(one.Send(ctx, comm.NewMessage([]byte("ping"))))
	m, err := other.Recv(ctx)
	check(err)
	fmt.Printf("%s\n", m.Frames[0])
	check(other.Send(ctx, comm.NewMessage([]byte("pong"))))
	m, err = one.Recv(ctx)
	check(err)
	fmt.Printf("%s\n", m.Frames[0])
	// Output:
	// ping
	// pong
}

// Many messages at once cost less than one at a time.
func ExampleReceiver_RecvBatch() {
	ctx := context.Background()
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()

	pull, err := comm.NewPull(zctx, "inproc://batches")
	check(err)
	push, err := comm.NewPush(zctx, "inproc://batches")
	check(err)

	sent, err := push.SendBatch(ctx, []comm.Message{
		comm.NewMessage([]byte("one")), comm.NewMessage([]byte("two")), comm.NewMessage([]byte("three")),
	})
	check(err)
	batch := make([]comm.Message, 64)
	for taken := 0; taken < sent; {
		n, err := pull.RecvBatch(ctx, batch)
		check(err)
		for _, m := range batch[:n] {
			fmt.Printf("%s\n", m.Frames[0])
			m.Release()
		}
		taken += n
	}
	// Output:
	// one
	// two
	// three
}

// A port can be told to others before a socket listens on it: nobody else can
// take it meanwhile.
func ExampleAcquirePort() {
	ctx := context.Background()
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()

	port, err := comm.AcquirePort("")
	check(err)
	defer port.Close()
	push, err := comm.NewPush(zctx, port.Endpoint())
	check(err)
	check(push.Send(ctx, comm.NewMessage([]byte("early"))))

	pull, err := comm.NewPull(zctx, "")
	check(err)
	check(pull.BindPort(port))
	m, err := pull.Recv(ctx)
	check(err)
	defer m.Release()
	fmt.Printf("%s\n", m.Frames[0])
	// Output: early
}

// A forwarder passes subscriptions up and messages down.
func ExampleXSub() {
	ctx := context.Background()
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()

	publisher, err := comm.NewPublisher(zctx, "inproc://publisher")
	check(err)
	up, err := comm.NewXSub(zctx, "inproc://publisher")
	check(err)
	down, err := comm.NewXPub(zctx, "inproc://forwarder")
	check(err)
	forward := func(from comm.Receiver, to comm.Sender) {
		for m, err := from.Recv(ctx); err == nil; m, err = from.Recv(ctx) {
			check(to.Send(ctx, m))
			m.Release()
		}
	}
	go forward(down.Receiver, up.Sender) // until they close
	go forward(up.Receiver, down.Sender)

	subscriber, err := comm.NewSubscriber(zctx, "inproc://forwarder")
	check(err)
	check(subscriber.Subscribe([]byte("news")))
	check(publisher.WaitForSubscribers(ctx, 1, []byte("news")))
	check(publisher.Send(ctx, comm.NewMessage([]byte("news"), []byte("all is well"))))
	m, err := subscriber.Recv(ctx)
	check(err)
	fmt.Printf("%s: %s\n", m.Frames[0], m.Frames[1])
	// Output: news: all is well
}
