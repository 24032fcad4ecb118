package management_test

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/mittere/mittere/internal/management"
	"github.com/mittere/mittere/reactor"
)

// A file that extends a message, which no import of the method leads to.
const (
	extended = `name: "extended.proto" package: "extended" syntax: "proto2"
		dependency: "google/protobuf/empty.proto"
		message_type { name: "Base" extension_range { start: 100 end: 200 } }
		service { name: "Service" method { name: "Get" input_type: ".google.protobuf.Empty" output_type: ".extended.Base" } }`
	extending = `name: "extending.proto" package: "extended" syntax: "proto2" dependency: "extended.proto"
		extension { name: "tint" extendee: ".extended.Base" number: 100 label: LABEL_OPTIONAL type: TYPE_STRING }`
)

func TestDescriptorsTellTheExtensionsOfMessages(t *testing.T) {
	set := &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{protodesc.ToFileDescriptorProto(emptypb.File_google_protobuf_empty_proto)}}
	for _, text := range []string{extended, extending} {
		file := &descriptorpb.FileDescriptorProto{}
		check(t, prototext.Unmarshal([]byte(text), file))
		set.File = append(set.File, file)
	}
	files, err := protodesc.NewFiles(set)
	check(t, err)
	base, err := files.FindFileByPath("extended.proto")
	check(t, err)
	extension, err := files.FindDescriptorByName("extended.tint")
	check(t, err)
	types := dynamicpb.NewTypes(files)
	tint, err := types.FindExtensionByName(extension.FullName())
	check(t, err)
	check(t, protoregistry.GlobalTypes.RegisterExtension(tint)) // as generated code does

	handlers := reactor.NewHandlers()
	reactor.HandleMethod(handlers, base.Services().Get(0).Methods().Get(0), func(context.Context, *emptypb.Empty) (*dynamicpb.Message, error) {
		return nil, nil
	})
	told := management.Descriptors(t.Context(), &management.Server{Handlers: handlers})
	var paths []string
	for _, file := range told.GetFiles().GetFile() {
		paths = append(paths, file.GetName())
	}
	if want := []string{"google/protobuf/empty.proto", "extended.proto", "extending.proto"}; len(paths) < 4 || !slices.Equal(paths[:3], want) {
		t.Errorf("told of %q, want %q first", paths, want)
	}
}

// check fails the test on an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
