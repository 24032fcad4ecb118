package messaging_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// sizes are of bodies, in bytes.
var sizes = []int{0, 100, 10_000, 1_000_000}

// publishedEnvelope is what a publisher sends.
func publishedEnvelope(size int) messaging.Envelope {
	return messaging.Envelope{
		Type: "mittere.test.v1.Blob", Subject: []string{"room", "7"}, Body: make([]byte, size),
		Meta: messaging.Meta{Publisher: messaging.PublisherID{1}, Sequence: 1000, SentAt: time.Unix(1700000000, 0)},
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			e := publishedEnvelope(size)
			frame := e.Append(nil)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				frame = e.Append(frame[:0])
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			e := publishedEnvelope(size)
			frame := e.Append(nil)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := messaging.Decode(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeOfDividere(b *testing.B) {
	frame := frameOf(b, "dividere-testMsg01")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := messaging.Decode(frame); err != nil {
			b.Fatal(err)
		}
	}
}

// What Decode would cost with protobuf's own code.
func BenchmarkDecodeByStockProtobuf(b *testing.B) {
	e := publishedEnvelope(100)
	frame := e.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := proto.Unmarshal(frame, &mitterev1.Envelope{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	e := must(messaging.Pack(note(7)))(b)
	b.Run("resolver", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := e.Open(protoregistry.GlobalTypes); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("type", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := messaging.Open[*testv1.Note](&e); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A publisher that nobody listens to: what it costs to number, encode and hand over
// a message.
func BenchmarkPublisherSend(b *testing.B) {
	for _, size := range []int{100, 1_000_000} {
		b.Run(fmt.Sprint("numbered-", size), func(b *testing.B) { publishInto(b, size) })
		b.Run(fmt.Sprint("plain-", size), func(b *testing.B) { publishInto(b, size, messaging.WithoutMeta()) })
	}
}

// publishInto publishes messages of one size, again and again.
func publishInto(b *testing.B, size int, options ...messaging.PublisherOption) {
	pub := must(messaging.NewPublisher(newContext(b), inprocEndpoint(b), options...))(b)
	m := &testv1.Blob{Data: make([]byte, size)}
	ctx := context.Background()
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if err := pub.Send(ctx, m); err != nil {
			b.Fatal(err)
		}
	}
}

// From publisher to subscriber over tcp, nothing lost.
func BenchmarkPublishSubscribe(b *testing.B) {
	zmq := newContext(b)
	pub := must(messaging.NewPublisher(zmq, "tcp://127.0.0.1:*", messaging.WithOverflow(comm.Block)))(b)
	sub := must(messaging.NewSubscriber(zmq, of(pub)))(b)
	m := &testv1.Blob{Data: make([]byte, 100)}
	if err := pub.WaitForSubscribers(patient(b), 1, m); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	inBackground(b, func(ctx context.Context) {
		for range b.N {
			send(b, pub.Send(ctx, m))
		}
	})
	for range b.N {
		d, err := sub.Recv(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if d.Missed > 0 {
			b.Fatalf("%d missed", d.Missed)
		}
		d.Release()
	}
}

// A request over tcp and its reply: one at a time, and 64 goroutines per core at
// once.
func BenchmarkRequestDo(b *testing.B) {
	m := &testv1.Blob{Data: make([]byte, 100)}
	b.Run("one", func(b *testing.B) {
		req := echoed(b)
		for range b.N {
			must(req.Do(context.Background(), m))(b)
		}
	})
	b.Run("many", func(b *testing.B) {
		req := echoed(b)
		b.SetParallelism(64)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := req.Do(context.Background(), m); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// echoed returns a Request whose requests come back, ready to be measured.
func echoed(b *testing.B) *messaging.Req {
	zmq := newContext(b)
	rep := must(messaging.NewRep(zmq, "tcp://127.0.0.1:*"))(b)
	serve(b, rep, echo)
	req := must(messaging.NewReq(zmq, of(rep)))(b)
	must(req.Do(patient(b), note(1)))(b)
	b.ReportAllocs()
	b.ResetTimer()
	return req
}
