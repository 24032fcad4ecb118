package native_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/native"
)

// BenchmarkRequestReply takes a request from a client to a worker and the answer back,
// from frames to frames, without sockets.
func BenchmarkRequestReply(b *testing.B) {
	for _, size := range []int{0, 100, 10_000} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			s := newStage(b, native.WithHeartbeat(30*time.Second))
			s.worker("w", "echo")
			s.client("c")
			client, worker := s.Speakers[peer("c")], s.Speakers[peer("w")]
			body := make([]byte, size)
			request := encoded(b, &mitterev1.Request{
				Call: 1, Session: s.sessions["c"], Service: "echo", Method: "echo.v1.EchoService/Echo", TimeoutNano: int64(time.Second), SentAtNano: s.sent(),
				Key: &mitterev1.Key{Instance: []byte("instance of c"), Number: 1}, Idempotency: mitterev1.Idempotency_IDEMPOTENCY_IDEMPOTENT,
			}, body)
			frames := make([][]byte, 2)
			b.ReportAllocs()
			for b.Loop() {
				delivery := pass(b, s.Now, client, worker, append(frames[:0], request...))
				b.StopTimer()
				reply := encoded(b, &mitterev1.Reply{Call: delivery, Instance: "w", ExecutedNano: 1000}, body)
				b.StartTimer()
				pass(b, s.Now, worker, client, reply)
			}
		})
	}
}

// encoded returns a command as it travels.
func encoded(b *testing.B, kind proto.Message, body []byte) [][]byte {
	frames, err := (&messaging.Command{Kind: kind, Body: body}).Frames()
	if err != nil {
		b.Fatal(err)
	}
	return frames
}

// pass has one speaker read and the other one write. It returns the delivery, if there is one.
func pass(b *testing.B, now time.Duration, from, to dialect.Speaker, frames [][]byte) (delivery uint64) {
	actions, _, err := from.Read(now, frames)
	if err != nil || len(actions) != 1 || to.Write(actions[0]) == nil {
		b.Fatalf("got %v, %v", actions, err)
	}
	if d, ok := actions[0].(desk.Deliver); ok {
		delivery = d.Delivery
	}
	return delivery
}
