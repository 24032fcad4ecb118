package command_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/internal/command/commandtest"
	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging/message"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// addCommands makes the golden commands the first inputs of a target.
func addCommands(f *testing.F) {
	all := commandtest.Read(f)
	add := func(frames commandtest.Frames) {
		switch len(frames) {
		case 1:
			f.Add(frames[0], []byte(nil), false)
		case 2:
			f.Add(frames[0], frames[1], true)
		}
	}
	for _, v := range all.Commands {
		add(v.Frames)
	}
	for _, v := range all.Malformed {
		add(v.Frames)
	}
}

func FuzzDecodeCommand(f *testing.F) {
	addCommands(f)
	f.Fuzz(func(t *testing.T, first, second []byte, two bool) {
		frames := [][]byte{first}
		if two {
			frames = append(frames, second)
		}
		before := bytes.Clone(first)
		c, err := command.Decode(frames)
		if !bytes.Equal(first, before) {
			t.Fatal("the frame was changed")
		}
		if err != nil {
			if code := message.CodeOf(err); code != message.InvalidArgument && code != message.FailedPrecondition {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		wantStockMeaning(t, first, c, two)
		if c.Kind == nil {
			return // it is ignored, and never written
		}
		commandtest.WantSame(t, messagetest.Must(command.Decode(messagetest.Must(c.Frames())(t)))(t), c)
	})
}

// wantStockMeaning checks that stock protobuf reads the same in a first frame. It
// would take the last of two kinds, which are refused here.
func wantStockMeaning(t *testing.T, first []byte, c command.Command, two bool) {
	t.Helper()
	m := &mitterev1.Command{}
	if err := proto.Unmarshal(first, m); err != nil {
		t.Fatalf("decoded, and stock protobuf says %v", err)
	}
	kind := commandtest.KindOf(m)
	if (kind == nil) != (c.Kind == nil) || kind != nil && !sameMessage(kind, c.Kind) {
		t.Fatalf("got the kind %v, stock protobuf reads %v", c.Kind, kind)
	}
	if m.GetVersion() != command.Version {
		t.Fatalf("stock protobuf reads version %d", m.GetVersion())
	}
	if !two && !bytes.Equal(m.GetBody(), c.Body) {
		t.Fatalf("got the envelope % x, stock protobuf reads % x", c.Body, m.GetBody())
	}
}

// sameMessage reports whether two messages have the same bytes, unknown fields
// too.
func sameMessage(a, b proto.Message) bool {
	deterministic := proto.MarshalOptions{Deterministic: true}
	left, err := deterministic.Marshal(a)
	right, err2 := deterministic.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(left, right)
}
