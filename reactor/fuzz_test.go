package reactor_test

import (
	"bytes"
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// allShapes returns handlers of each shape, none of which answers without end.
func allShapes() *reactor.Handlers {
	h := echoing()
	reactor.Observe(h, func(context.Context, *testv1.Blob) error { return nil })
	reactor.Observe(h, func(context.Context, *testv1.Tree) error { panic(secret) })
	reactor.Stream(h, func(_ context.Context, n *testv1.Note, send func(*testv1.Note) error) error { return send(n) })
	reactor.Handle(h, func(_ context.Context, s *testv1.Scalars) (*testv1.Scalars, error) {
		if s.GetBoolValue() {
			return nil, messaging.Errorf(messaging.NotFound, "%s", s.GetStringValue())
		}
		return s, nil
	})
	return h
}

// FuzzReactorServe gives a reactor any frames: it must not panic, must count each
// message once, and must serve the next good one.
func FuzzReactorServe(f *testing.F) {
	for _, b := range badMessages(f) {
		f.Add(joined(b.frames))
		f.Add(joined(append([][]byte{nil}, b.frames...)))
	}
	for _, m := range []proto.Message{ask("text"), note(3), &testv1.Blob{Data: []byte("data")}, &testv1.Tree{}, &testv1.Scalars{BoolValue: true}} {
		f.Add(joined([][]byte{frame(f, m)}))
		f.Add(joined([][]byte{nil, frame(f, m)}))
	}
	zmq := newContext(f)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(f)))(f)
	r := serve(f, allShapes(), sockets(rep))
	p := &badPeer{running: r, raw: must(comm.NewDealer(zmq, of(rep)))(f)}
	f.Fuzz(func(t *testing.T, data []byte) {
		p.t = t
		before := sum(p.Stats())
		p.send(split(data))
		if counted := sum(p.Stats()) - before; counted != 2 {
			t.Errorf("%d messages were counted, want this and the good one", counted)
		}
	})
}

// sum returns how many messages were counted.
func sum(s reactor.Stats) uint64 { return s.Handled + s.Unknown + s.Malformed }

// separator stands between frames in what the fuzzer makes.
var separator = []byte{0xfe, 0xfd}

// joined writes frames for the fuzzer.
func joined(frames [][]byte) []byte { return bytes.Join(frames, separator) }

// split reads them.
func split(data []byte) [][]byte { return bytes.Split(data, separator) }
