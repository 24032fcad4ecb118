package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/mittere/mittere/messaging"
)

// readInput returns the JSON that an argument stands for: itself, a file's content
// for @file, or what comes from in for -.
func readInput(ctx context.Context, in io.Reader, argument string) ([]byte, error) {
	path, isFile := strings.CutPrefix(argument, "@")
	switch {
	case isFile:
		text, err := os.ReadFile(path)
		return text, fileError(err)
	case argument == "-":
		return readAll(ctx, in)
	default:
		return []byte(argument), nil
	}
}

// readAll reads to the end, or until ctx ends.
func readAll(ctx context.Context, in io.Reader) ([]byte, error) {
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	// Nothing interrupts a read from a terminal, so nobody waits for it: it ends
	// with the process, which an interrupt ends.
	go func() {
		text, err := io.ReadAll(in)
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, fileError(r.err)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fileError gives an error of a file its code.
func fileError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return messaging.Errorf(messaging.NotFound, "%w", err)
	case errors.Is(err, fs.ErrPermission):
		return messaging.Errorf(messaging.PermissionDenied, "%w", err)
	default:
		return messaging.Errorf(messaging.Unknown, "%w", err)
	}
}

// parseMessage returns the message that JSON is; no JSON is the empty one.
func parseMessage(text []byte, md protoreflect.MessageDescriptor, types resolver) (proto.Message, error) {
	m := dynamicpb.NewMessage(md)
	if len(strings.TrimSpace(string(text))) == 0 {
		return m, nil
	}
	if err := (protojson.UnmarshalOptions{Resolver: types}).Unmarshal(text, m); err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "the JSON is no %s: %s", md.FullName(), protobufText(err))
	}
	return m, nil
}

// protobufText returns what an error of the protobuf library says. It writes a space
// or a no-break space, at random, so that nobody compares its texts.
func protobufText(err error) string {
	return strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto: ")
}
