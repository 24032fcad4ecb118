package main

import (
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// The schemas of testdata/proto are compiled, with their comments, and so are
// their messages, which the stubs need to be compiled themselves.
//
//go:generate go -C testdata tool -modfile=../../../tools/go.mod buf generate
//go:generate go -C testdata tool -modfile=../../../tools/go.mod buf build --as-file-descriptor-set --output schemas.binpb

// gen is the import path of the messages.
const gen = "github.com/mittere/mittere/cmd/protoc-gen-go-mittere/testdata/gen"

// requestFor returns a request for the stubs of files, as buf and protoc make it:
// the options joined by commas, and all schemas.
func requestFor(t *testing.T, options string, files ...string) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	image, err := os.ReadFile("testdata/schemas.binpb")
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(image, set); err != nil {
		t.Fatal(err)
	}
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate: files,
		Parameter:      proto.String(options),
		ProtoFile:      set.GetFile(),
	}
}

// stubsOf returns the generated files, by name.
func stubsOf(t *testing.T, options string, files ...string) map[string]string {
	t.Helper()
	response := respond(requestFor(t, options, files...))
	if response.Error != nil {
		t.Fatal(response.GetError())
	}
	stubs := map[string]string{}
	for _, f := range response.GetFile() {
		stubs[f.GetName()] = f.GetContent()
	}
	return stubs
}

// wantRefused fails the test unless the response is an error with all of words.
func wantRefused(t *testing.T, response *pluginpb.CodeGeneratorResponse, words ...string) {
	t.Helper()
	if response.Error == nil || len(response.GetFile()) > 0 {
		t.Fatalf("error %q and %d files, want an error alone", response.GetError(), len(response.GetFile()))
	}
	for _, w := range words {
		if !strings.Contains(response.GetError(), w) {
			t.Errorf("the error does not say %q: %s", w, response.GetError())
		}
	}
}
