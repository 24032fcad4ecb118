package messaging_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// dialect is a set of message types that have no Go code: each has a string text
// and an int64 number. Its types are found by a dialect, and by nobody else.
type dialect struct{ *dynamicpb.Types }

// declare returns a dialect with types of these full names.
func declare(t testing.TB, fullNames ...string) dialect {
	t.Helper()
	files := &protoregistry.Files{}
	for _, name := range fullNames {
		file := must(protodesc.NewFile(fileOf(protoreflect.FullName(name)), nil))(t)
		if err := files.RegisterFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return dialect{dynamicpb.NewTypes(files)}
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

// message returns a message of a declared type.
func (d dialect) message(t testing.TB, fullName string, number int) proto.Message {
	t.Helper()
	m := must(d.FindMessageByName(protoreflect.FullName(fullName)))(t).New()
	fields := m.Descriptor().Fields()
	m.Set(fields.ByName("text"), protoreflect.ValueOfString("text"))
	m.Set(fields.ByName("number"), protoreflect.ValueOfInt64(int64(number)))
	return m.Interface()
}
