package messagetest

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Types is a set of message types that have no Go code: each has a string text
// and an int64 number. They are found by it, and by nobody else.
type Types struct{ *dynamicpb.Types }

// Declare returns types of these full names.
func Declare(t testing.TB, fullNames ...string) Types {
	t.Helper()
	files := &protoregistry.Files{}
	for _, name := range fullNames {
		file := Must(protodesc.NewFile(fileOf(protoreflect.FullName(name)), nil))(t)
		if err := files.RegisterFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return Types{dynamicpb.NewTypes(files)}
}

// fileOf returns a schema with one message.
func fileOf(name protoreflect.FullName) *descriptorpb.FileDescriptorProto {
	field := func(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name: proto.String(name), Number: proto.Int32(number), Type: kind.Enum(),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
	}
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String(string(name) + ".proto"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String(string(name.Name())),
			Field: []*descriptorpb.FieldDescriptorProto{
				field("text", 1, descriptorpb.FieldDescriptorProto_TYPE_STRING),
				field("number", 2, descriptorpb.FieldDescriptorProto_TYPE_INT64),
			},
		}},
	}
	if parent := name.Parent(); parent != "" {
		file.Package = proto.String(string(parent))
	}
	return file
}

// Message returns a message of a declared type, with a text and this number.
func (d Types) Message(t testing.TB, fullName string, number int) proto.Message {
	t.Helper()
	m := Must(d.FindMessageByName(protoreflect.FullName(fullName)))(t).New()
	fields := m.Descriptor().Fields()
	m.Set(fields.ByName("text"), protoreflect.ValueOfString("text"))
	m.Set(fields.ByName("number"), protoreflect.ValueOfInt64(int64(number)))
	return m.Interface()
}
