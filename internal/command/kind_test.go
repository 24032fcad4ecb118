package command_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/internal/messagetest"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// usualCall returns a Request or a Reply with what usual ones have, each field or not
// by chance.
func usualCall(r *rand.Rand) proto.Message {
	if r.IntN(2) == 0 {
		reply := &mitterev1.Reply{}
		randomFields(r, reply.ProtoReflect())
		reply.Status = nil
		return reply
	}
	request := &mitterev1.Request{}
	randomFields(r, request.ProtoReflect())
	request.Target, request.Metadata = nil, nil
	if r.IntN(3) == 0 { // what the schema has no name for
		request.Idempotency = mitterev1.Idempotency(r.Int32()) - 1<<30
	}
	return request
}

// kindFrame returns the frame of a command whose kind is these bytes.
func kindFrame(reply bool, kind []byte) []byte {
	number := protowire.Number(5)
	if reply {
		number = 7
	}
	return protowire.AppendBytes(protowire.AppendTag([]byte{8, 1}, number, protowire.BytesType), kind)
}

func TestUsualCallsAreWrittenAsProtobufWritesThem(t *testing.T) {
	for seed := range uint64(cases) {
		m := usualCall(rand.New(rand.NewPCG(seed, 2)))
		_, reply := m.(*mitterev1.Reply)
		got := messagetest.Must((&command.Command{Kind: m}).Frames())(t)[0]
		if want := kindFrame(reply, messagetest.Marshal(t, m)); !bytes.Equal(got, want) {
			t.Fatalf("seed %d: written as % x, want % x", seed, got, want)
		}
	}
}

// FuzzUsualCallsAreReadAsByProtobuf gives any bytes for a Request or a Reply: both
// refuse them, or both read the same, and write it in the same way.
func FuzzUsualCallsAreReadAsByProtobuf(f *testing.F) {
	for seed := range uint64(50) {
		m := usualCall(rand.New(rand.NewPCG(seed, 2)))
		_, reply := m.(*mitterev1.Reply)
		f.Add(messagetest.Marshal(f, m), reply)
	}
	f.Add([]byte("\x1a\x02\x10\x01\x1a\x02\x18\x02"), false) // two keys, which are merged
	f.Add([]byte("\x1a\x00\x08\x01\x08\x02\x22\x01a\x22\x01b"), false)
	f.Add([]byte("\x1a\x04\x98\x06\x07\x10"), false)
	f.Add([]byte("\x50\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), false) // attempt, of 64 bits
	f.Add([]byte("\x2a\x01\xff"), false)                                 // what is no text
	f.Add([]byte("\x00\x01"), true)
	f.Add([]byte("\x88\x00\x01"), true) // the tag of call, in more bytes than it needs
	f.Fuzz(func(t *testing.T, kind []byte, reply bool) {
		var want proto.Message = &mitterev1.Request{}
		if reply {
			want = &mitterev1.Reply{}
		}
		wrong := proto.Unmarshal(kind, want)
		got, err := command.Decode([][]byte{kindFrame(reply, kind)})
		if (err == nil) != (wrong == nil) {
			t.Fatalf("read with %v, by protobuf with %v", err, wrong)
		}
		if err != nil {
			return
		}
		if !sameMessage(got.Kind, want) {
			t.Fatalf("read as %v, want %v", got.Kind, want)
		}
		written := messagetest.Must(got.Frames())(t)[0]
		if !bytes.Equal(written, kindFrame(reply, messagetest.Marshal(t, want))) {
			t.Fatalf("written as % x", written)
		}
	})
}
