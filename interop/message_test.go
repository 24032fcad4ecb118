//go:build interop

package interop_test

import (
	"os"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// imageFile holds the descriptors of all messages, for both ends.
const imageFile = "proto/messages.binpb"

// schema is the messages of the image as Go types made at run time. They are a
// registry of their own.
var schema = sync.OnceValues(func() (*dynamicpb.Types, error) {
	image, err := os.ReadFile(imageFile)
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(image, set); err != nil {
		return nil, err
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	return dynamicpb.NewTypes(files), nil
})

// types returns the schema.
func types(t testing.TB) *dynamicpb.Types {
	t.Helper()
	found, err := schema()
	if err != nil {
		t.Fatal("read the schema: ", err)
	}
	return found
}

// newMessage returns a message of the type with this full name, with the content
// that is written in protobuf's text format.
func newMessage(t testing.TB, name, content string) proto.Message {
	t.Helper()
	found, err := types(t).FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		t.Fatal(err)
	}
	m := found.New().Interface()
	if err := prototext.Unmarshal([]byte(content), m); err != nil {
		t.Fatalf("content of %s: %v", name, err)
	}
	return m
}

// numbered returns a Numbered, or a message of another type that has a number.
func numbered(t testing.TB, number uint64, name ...string) proto.Message {
	t.Helper()
	m := newMessage(t, append(name, "Numbered")[0], "")
	r := m.ProtoReflect()
	r.Set(numberField(m), protoreflect.ValueOfUint64(number))
	return m
}

// numberOf returns the number of a message that has one.
func numberOf(m proto.Message) uint64 { return m.ProtoReflect().Get(numberField(m)).Uint() }

// numberField returns the field that holds the number.
func numberField(m proto.Message) protoreflect.FieldDescriptor {
	return m.ProtoReflect().Descriptor().Fields().ByName("number")
}
