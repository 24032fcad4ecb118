//go:build interop

package interop_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/messaging"
)

// setter sets the fields of an AllScalars.
type setter func(protoreflect.Message)

// set returns a setter of values in order of the fields' numbers.
func set(values ...any) setter {
	return func(r protoreflect.Message) {
		for i, v := range values {
			r.Set(r.Descriptor().Fields().ByNumber(protoreflect.FieldNumber(i+1)), protoreflect.ValueOf(v))
		}
	}
}

// allBytes has every byte once.
func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// scalars returns the fifteen scalar types at their ends and at zero. Types
// without a smallest value have the one whose coding is special.
func scalars() map[string]setter {
	text := "Dīvidere, žluťoučký kůň, 分割統治, 🦄, \x00, \u2028"
	return map[string]setter{
		"minimum": set(-math.MaxFloat64, float32(-math.MaxFloat32),
			int32(math.MinInt32), int64(math.MinInt64), uint32(0), uint64(0),
			int32(math.MinInt32), int64(math.MinInt64), uint32(0), uint64(0),
			int32(math.MinInt32), int64(math.MinInt64), false, text, []byte{0}),
		"zero": set(),
		"maximum": set(math.MaxFloat64, float32(math.MaxFloat32),
			int32(math.MaxInt32), int64(math.MaxInt64), uint32(math.MaxUint32), uint64(math.MaxUint64),
			int32(math.MaxInt32), int64(math.MaxInt64), uint32(math.MaxUint32), uint64(math.MaxUint64),
			int32(math.MaxInt32), int64(math.MaxInt64), true, strings.Repeat(text, 500), allBytes()),
		"nearest to zero": set(math.SmallestNonzeroFloat64, float32(math.SmallestNonzeroFloat32),
			int32(-1), int64(-1), uint32(1), uint64(1), int32(-1), int64(-1), uint32(1), uint64(1),
			int32(-1), int64(-1), true, "\x00", []byte("\xff\xfe")),
		"negative zero": set(math.Copysign(0, -1), float32(math.Copysign(0, -1))),
		"infinite":      set(math.Inf(-1), float32(math.Inf(1))),
		"no number":     set(math.NaN(), float32(math.NaN())),
	}
}

func TestScalarsAreTheSameOnBothEnds(t *testing.T) {
	s := newStage(t)
	wantSameOnBothEnds(s, func(yield func(string, proto.Message) bool) {
		for name, content := range scalars() {
			m := newMessage(t, "AllScalars", "")
			content(m.ProtoReflect())
			if !yield(name, m) {
				return
			}
		}
	})
}

func TestNestedMessagesAreTheSameOnBothEnds(t *testing.T) {
	s := newStage(t)
	deep := `head { name: "leaf" }`
	for depth := range 30 {
		deep = fmt.Sprintf(`head { name: "%d" traits { int32_value: %d } } branches { %s }`, depth, depth, deep)
	}
	content := map[string]string{
		"nothing within":      ``,
		"empty messages":      `head {} members {} members {} branches {}`,
		"several generations": `head { name: "Ada" } members { name: "Bob" traits { sint64_value: -7 } } branches { head { name: "Cleo" } }`,
		"thirty levels":       deep,
	}
	wantSameOnBothEnds(s, func(yield func(string, proto.Message) bool) {
		for name, text := range content {
			if !yield(name, newMessage(t, "Family", text)) {
				return
			}
		}
	})
}

// wantSameOnBothEnds sends messages from Python to Go and from Go to Python, as
// publications, requests and replies, and compares what arrives.
func wantSameOnBothEnds(s *stage, messages func(func(string, proto.Message) bool)) {
	s.t.Helper()
	fromPython := s.subscribeTo("python publisher", s.everything())
	fromGo := open(s, messaging.NewPublisher, anyPort)
	s.peer.open("subscriber", "messaging.Subscriber", fromGo.Endpoints()[0])
	s.peer.open("response", "messaging.Response", pythonPort)
	request := open(s, messaging.NewReq, s.peer.endpoint("response"), s.withTypes())
	response := open(s, messaging.NewRep, anyPort, s.withTypes())
	s.peer.open("request", "messaging.Request", response.Endpoints()[0])

	for name, m := range messages {
		s.t.Run(name, func(t *testing.T) {
			s := s.in(t)
			s.peer.send("python publisher", m)
			wantMessage(t, s.receive(fromPython), m)
			s.check(fromGo.WaitForSubscribers(s.ctx, 1, m))
			s.check(fromGo.Send(s.ctx, m))
			wantMessage(t, s.peer.recv("subscriber").message, m)

			echo := s.peer.beginEcho("response", 1)
			reply, err := request.Do(s.ctx, m)
			s.check(err)
			echo.end(nil)
			wantMessage(t, reply, m)

			s.peer.send("request", m)
			s.echo(response, 1)
			wantMessage(t, s.peer.recv("request").message, m)
		})
	}
}
