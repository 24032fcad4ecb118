package interop_test

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// The image of the schemas that examples/python speaks, so that it needs no protoc
// and no generated code.
//
//go:generate go -C .. tool -modfile=tools/go.mod buf build --path proto/calculator --path proto/mittere/v1/command.proto --path proto/mittere/v1/envelope.proto --path proto/mittere/v1/management.proto --exclude-source-info --as-file-descriptor-set -o examples/python/messages.binpb

// pythonExample is where the Python client is that shares no code with Mittere.
const pythonExample = "../examples/python"

func TestTheImageOfThePythonClientIsThatOfTheSchemas(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(pythonExample, "messages.binpb"))
	if err != nil {
		t.Fatal(err)
	}
	image := new(descriptorpb.FileDescriptorSet)
	if err := proto.Unmarshal(content, image); err != nil {
		t.Fatal(err)
	}
	inImage := map[string]*descriptorpb.FileDescriptorProto{}
	for _, file := range image.GetFile() {
		inImage[file.GetName()] = file
	}
	for _, file := range []protoreflect.FileDescriptor{
		calculatorv1.File_calculator_v1_calculator_proto, mitterev1.File_mittere_v1_command_proto,
		mitterev1.File_mittere_v1_envelope_proto, mitterev1.File_mittere_v1_management_proto,
	} {
		want := protodesc.ToFileDescriptorProto(file)
		want.Options = nil // go_package, which the generator sets
		if got := inImage[file.Path()]; !proto.Equal(got, want) {
			t.Errorf("%s is not what it was when the image was made: run make generate", file.Path())
		}
	}
}
