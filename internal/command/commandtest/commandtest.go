// Package commandtest is the golden bytes of commands, for the tests of their codec and of
// what carries them. Only tests use it.
package commandtest

import (
	"bytes"
	_ "embed" // of the bytes
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/internal/messagetest"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

//go:embed commands.json
var golden []byte

// Read returns the golden bytes of commands. An unknown field is an error: it would be
// a check that is not made.
func Read(t testing.TB) Vectors {
	t.Helper()
	var all struct {
		About []string
		Vectors
	}
	d := json.NewDecoder(bytes.NewReader(golden))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all.Vectors
}

// Frames is the frames of one command.
type Frames [][]byte

// UnmarshalJSON reads frames, each written as hex digits with spaces between.
func (f *Frames) UnmarshalJSON(text []byte) error {
	var all []messagetest.Hex
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for _, frame := range all {
		*f = append(*f, frame)
	}
	return nil
}

// Vectors is commands.json, which tells of itself what its fields
// mean.
type Vectors struct {
	Commands  []Vector    // that are read
	Malformed []Malformed // that are refused
}

// Vector is the frames of a command with what they mean.
type Vector struct {
	Name      string          // of the vector
	About     string          // why it is there
	Frames    Frames          // as they travel
	Message   json.RawMessage // mittere.v1.Command without its envelope; nil for an unknown kind
	Body      messagetest.Hex // the envelope; nil if there is none
	Canonical bool            // the codec writes it so
}

// Malformed is the frames of what is refused.
type Malformed struct {
	Name   string // of the vector
	About  string // what is wrong
	Frames Frames // as they travel
	Code   string // of the error
}

// Stock returns what the vector means as the generated type holds it, without its
// envelope; nil for a kind that is not known.
func (v *Vector) Stock(t testing.TB) *mitterev1.Command {
	t.Helper()
	if v.Message == nil {
		return nil
	}
	m := &mitterev1.Command{}
	if err := protojson.Unmarshal(v.Message, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// KindOf returns the kind of a stock command, nil for none.
func KindOf(m *mitterev1.Command) proto.Message {
	r := m.ProtoReflect()
	field := r.WhichOneof(r.Descriptor().Oneofs().ByName("kind"))
	if field == nil {
		return nil
	}
	return r.Get(field).Message().Interface()
}

// WantSame checks that two commands say the same, and that an empty
// envelope is not taken for none.
func WantSame(t testing.TB, got, want command.Command) {
	t.Helper()
	if !proto.Equal(got.Kind, want.Kind) {
		t.Fatalf("got the kind %T{%v}, want %T{%v}", got.Kind, got.Kind, want.Kind, want.Kind)
	}
	if !bytes.Equal(got.Body, want.Body) || (got.Body == nil) != (want.Body == nil) {
		t.Fatalf("got the envelope %#.100v, want %#.100v", got.Body, want.Body)
	}
}
