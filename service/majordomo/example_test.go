package majordomo_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/majordomo"
)

// fail ends an example that fails.
func fail(err error) {
	if err != nil {
		panic(err)
	}
}

// A worker and a client join a broker, which may as well be another program's.
func Example() {
	zctx, err := comm.NewContext()
	fail(err)
	defer zctx.Close()
	b, err := broker.New(zctx, "tcp://127.0.0.1:*")
	fail(err)
	defer b.Close()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- b.Run(ctx) }()
	endpoint := b.Endpoints()[0]

	worker, err := majordomo.NewWorker(zctx, endpoint, "upper",
		func(_ context.Context, request [][]byte) ([][]byte, error) {
			return [][]byte{bytes.ToUpper(request[0])}, nil
		})
	fail(err)
	go func() { ended <- worker.Run(ctx) }()

	client, err := majordomo.NewClient(zctx, endpoint)
	fail(err)
	defer client.Close()
	reply, err := client.Request(ctx, "upper", []byte("hello"))
	fail(err)
	fmt.Printf("%s\n", reply)

	stop()
	fmt.Println(<-ended, <-ended)
	// Output:
	// [HELLO]
	// <nil> <nil>
}
