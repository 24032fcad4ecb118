package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

// plugin builds the program as a user does, and returns its path.
func plugin(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return path
}

func TestProgramAnswersOnStandardOutput(t *testing.T) {
	path := plugin(t)
	stubs := ask(t, path, requestFor(t, "module="+gen, edition))
	want := stubsOf(t, "module="+gen, edition)
	if len(stubs.GetFile()) != 1 || stubs.GetFile()[0].GetContent() != want[stubs.GetFile()[0].GetName()] {
		t.Errorf("answered %v, want %v", stubs, want)
	}
	wantRefused(t, ask(t, path, requestFor(t, "colour=blue", edition)), "unknown option")
	wantRefused(t, ask(t, path, requestFor(t, "", "streams/v1/streams.proto")), "streams/v1/streams.proto:11")
}

// ask runs the plugin as buf and protoc do.
func ask(t *testing.T, path string, request *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	t.Helper()
	input, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	command := exec.Command(path)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := command.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	response := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(stdout.Bytes(), response); err != nil {
		t.Fatal(err)
	}
	return response
}

func TestProgramExitsWithOneForGarbage(t *testing.T) {
	command := exec.Command(plugin(t))
	command.Stdin = strings.NewReader("garbage")
	out, err := command.CombinedOutput()
	if command.ProcessState.ExitCode() != exitBroken || !strings.Contains(string(out), "no CodeGeneratorRequest") {
		t.Errorf("%v: %s", err, out)
	}
}
