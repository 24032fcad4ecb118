//go:build interop

package interop_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

const (
	// thousands is how many messages a run has.
	thousands = 5000

	// window is how many are on their way at once where the sender of dīvidere
	// would drop what is too much, or hang: half of its high-water mark.
	window = 500
)

func TestSizesUpToAMegabyteAreTheSameOnBothEnds(t *testing.T) {
	s := newStage(t)
	wantSameOnBothEnds(s, func(yield func(string, proto.Message) bool) {
		for _, size := range []int{0, 1, 127, 128, 16383, 81920, 1 << 20} {
			m := newMessage(t, "ImageMsg", "")
			pixels := make([]byte, size)
			for i := range pixels {
				pixels[i] = byte(i ^ i>>8)
			}
			m.ProtoReflect().Set(m.ProtoReflect().Descriptor().Fields().ByName("pixels"), protoreflect.ValueOfBytes(pixels))
			if !yield(fmt.Sprint(size, " bytes"), m) {
				return
			}
		}
	})
}

// wantInOrder checks that numbers count up from first.
func wantInOrder(t testing.TB, numbers []uint64, first uint64, count int) {
	t.Helper()
	if len(numbers) != count {
		t.Errorf("%d messages, want %d", len(numbers), count)
	}
	for i, number := range numbers {
		if want := first + uint64(i); number != want {
			t.Fatalf("number %d in place of %d", number, want)
		}
	}
}

func TestThousandsFromGoPublisherToPythonSubscriber(t *testing.T) {
	s := newStage(t)
	pub := open(s, messaging.NewPublisher, anyPort, messaging.WithOverflow(comm.Block))
	s.peer.open("subscriber", "messaging.Subscriber", pub.Endpoints()[0])
	s.check(pub.WaitForSubscribers(s.ctx, 1, numbered(t, 0)))
	received := s.peer.begin("recv_numbers", arguments{"name": "subscriber", "count": thousands})
	for number := range uint64(thousands) {
		s.check(pub.Send(s.ctx, numbered(t, number)))
	}
	var numbers []uint64
	received.end(&numbers)
	wantInOrder(t, numbers, 0, thousands)
}

func TestThousandsFromPythonPublisherToGoSubscriber(t *testing.T) {
	s := newStage(t)
	sub := s.subscribeTo("publisher", s.ofType("Numbered"))
	for first := uint64(0); first < thousands; first += window {
		sent := s.peer.begin("send_numbers", arguments{"name": "publisher", "first": first, "count": window})
		wantInOrder(t, s.numbers(sub, window), first, window)
		sent.end(nil)
	}
}

// numbers returns the numbers of messages in the order in which they come.
func (s *stage) numbers(from messaging.Source, count int) (numbers []uint64) {
	s.t.Helper()
	for range count {
		d := s.delivery(from)
		numbers = append(numbers, numberOf(s.message(d)))
		d.Release()
	}
	return numbers
}

func TestThousandsFromPythonRequestToGoReactor(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort)
	s.react(echoing(), response)
	s.peer.open("request", "messaging.Request", response.Endpoints()[0])
	var numbers []uint64
	s.peer.do(&numbers, "request_numbers", arguments{"name": "request", "first": 0, "count": thousands})
	wantInOrder(t, numbers, 0, thousands)
}

func TestThousandsFromGoRequestToPythonResponse(t *testing.T) {
	s := newStage(t)
	s.peer.open("response", "messaging.Response", pythonPort)
	request := open(s, messaging.NewReq, s.peer.endpoint("response"), s.withTypes())
	echo := s.peer.beginEcho("response", thousands)
	var numbers []uint64
	for number := range uint64(thousands) {
		reply, err := request.Do(s.ctx, numbered(t, number))
		s.check(err)
		numbers = append(numbers, numberOf(reply))
	}
	echo.end(nil)
	wantInOrder(t, numbers, 0, thousands)
}

func TestThousandsFromPythonDealerToGoReactor(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort)
	s.react(echoing(), response)
	s.peer.open("dealer", "messaging.Dealer", response.Endpoints()[0])
	for first := uint64(0); first < thousands; first += window {
		s.peer.do(nil, "send_numbers", arguments{"name": "dealer", "first": first, "count": window})
		var numbers []uint64
		s.peer.do(&numbers, "recv_numbers", arguments{"name": "dealer", "count": window})
		wantInOrder(t, numbers, first, window)
	}
}

func TestThousandsBetweenDealers(t *testing.T) {
	s := newStage(t)
	dealer := s.dealers(true)
	received := s.peer.begin("recv_numbers", arguments{"name": "dealer", "count": thousands})
	for number := range uint64(thousands) {
		s.check(dealer.Send(s.ctx, numbered(t, number)))
	}
	var numbers []uint64
	received.end(&numbers)
	wantInOrder(t, numbers, 0, thousands)

	sent := s.peer.begin("send_numbers", arguments{"name": "dealer", "first": 0, "count": thousands})
	wantInOrder(t, s.numbers(dealer, thousands), 0, thousands)
	sent.end(nil)
}
