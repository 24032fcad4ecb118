// Command protoc-gen-go-mittere is a plugin of protoc and buf: from the services
// of .proto files it makes Go clients and the interfaces of their handlers, on
// the packages messaging/call and reactor. Run it with --help for its options.
//
// Its exit code is 0 if it has answered, also when the answer is that a schema or
// an option is wrong, as protoc wants it; 1 if what it read is no request, and 2
// when it was called the wrong way by hand.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// Exit codes.
const (
	exitOK     = 0
	exitBroken = 1
	exitUsage  = 2
)

// name is the program's, whatever the file is called that it is run from.
const name = "protoc-gen-go-mittere"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run answers the request on stdin, or a flag of somebody who tries the program
// by hand, and returns the exit code of the process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 1 && (args[0] == "--help" || args[0] == "-help" || args[0] == "-h"):
		fmt.Fprint(stdout, help)
		return exitOK
	case len(args) == 1 && (args[0] == "--version" || args[0] == "-version"):
		fmt.Fprintf(stdout, "%s %s, for stubs of version %d\n", name, version(debug.ReadBuildInfo), stubsVersion)
		return exitOK
	case len(args) > 0:
		fmt.Fprintf(stderr, "%s: unknown arguments %q: buf and protoc run it without any; try --help\n", name, args)
		return exitUsage
	}
	if err := serve(stdin, stdout); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return exitBroken
	}
	return exitOK
}

// version returns the version of the module that the program was installed from.
func version(buildInfo func() (*debug.BuildInfo, bool)) string {
	if info, ok := buildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// serve reads a CodeGeneratorRequest and writes the response.
func serve(in io.Reader, out io.Writer) error {
	input, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	request := &pluginpb.CodeGeneratorRequest{}
	if err := proto.Unmarshal(input, request); err != nil {
		return fmt.Errorf("standard input is no CodeGeneratorRequest: %w", err)
	}
	output, err := proto.Marshal(respond(request))
	if err != nil {
		return err
	}
	_, err = out.Write(output)
	return err
}

// respond generates what the request asks for. What is wrong with it is in the
// response, so that buf and protoc print it as it is.
func respond(request *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	var o options
	plugin, err := protogen.Options{ParamFunc: o.set, ImportRewriteFunc: withoutName}.New(request)
	if err != nil {
		// Without a plugin the features are told here, or else protoc would say
		// that they are what is wrong.
		return &pluginpb.CodeGeneratorResponse{
			Error:             proto.String(err.Error()),
			SupportedFeatures: proto.Uint64(features),
			MinimumEdition:    proto.Int32(int32(oldestEdition)),
			MaximumEdition:    proto.Int32(int32(newestEdition)),
		}
	}
	plugin.SupportedFeatures = features
	plugin.SupportedEditionsMinimum = oldestEdition
	plugin.SupportedEditionsMaximum = newestEdition
	if err := generate(plugin, o); err != nil {
		plugin.Error(err)
	}
	return plugin.Response()
}

// What schemas may use. The stubs need nothing of it, so the editions are those
// that protoc-gen-go of the same protobuf module knows.
const (
	features = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL |
		pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)
	oldestEdition = descriptorpb.Edition_EDITION_PROTO2
	newestEdition = descriptorpb.Edition_EDITION_2024
)
