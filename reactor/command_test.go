package reactor_test

import (
	"context"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

func TestQuick(t *testing.T) {
	zmq := newContext(t)
	srv := must(messaging.NewServer(zmq, "tcp://127.0.0.1:*"))(t)
	methods := testv1.File_mittere_test_v1_test_proto.Services().ByName("EchoService").Methods()
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, methods.ByName("Echo"), func(_ context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return &testv1.EchoResponse{}, nil
	})
	reactor.StreamMethod(h, methods.ByName("Numbers"), func(ctx context.Context, r *testv1.NumbersRequest, send func(*testv1.NumbersResponse) error) error {
		for i := range r.GetLimit() {
			if err := send(&testv1.NumbersResponse{Number: i + 1}); err != nil {
				return err
			}
		}
		return nil
	})
	r := serve(t, h, sockets(srv), reactor.WithPool(4, nil))
	conn := must(call.Dial(zmq, srv.Endpoints()[0]))(t)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := call.Unary[*testv1.EchoResponse](ctx, conn, call.MethodOf(methods.ByName("Echo")), &testv1.EchoRequest{})
	ok(t, err)
	began := time.Now()
	for range 1000 {
		_, err := call.Unary[*testv1.EchoResponse](ctx, conn, call.MethodOf(methods.ByName("Echo")), &testv1.EchoRequest{})
		ok(t, err)
	}
	t.Log(time.Since(began) / 1000)
	n := 0
	for item, err := range call.Stream[*testv1.NumbersResponse](ctx, conn, call.MethodOf(methods.ByName("Numbers")), &testv1.NumbersRequest{Limit: 1000}) {
		ok(t, err)
		n++
		if item.GetNumber() != uint64(n) {
			t.Fatal(item, n)
		}
	}
	t.Log(n)
	_ = r
}
