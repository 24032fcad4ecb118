package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/mittere/mittere/messaging"
)

// maxInput is how much JSON is read, in bytes: more than the largest message needs.
const maxInput = 256 << 20

// input is the JSON of a request.
type input struct {
	text []byte
	from string // the file, if it comes from one
}

// readArgument returns the JSON that an argument stands for: itself, a file's content
// for @file, or all of in for -.
func readArgument(ctx context.Context, in io.Reader, argument string) (input, error) {
	path, isFile := strings.CutPrefix(argument, "@")
	switch {
	case isFile:
		file, err := os.Open(path)
		if err != nil {
			return input{}, fileError(err)
		}
		defer file.Close()
		return readAll(ctx, file, path, 0)
	case argument == "-":
		return readAll(ctx, in, standardInput, 0)
	default:
		return input{text: []byte(argument)}, nil
	}
}

// standardInput is what messages call it.
const standardInput = "standard input"

// piped reports whether standard input is a pipe, a socket or a file. A terminal, and
// the null device that services and scheduled jobs have, have nothing to say.
func piped(in io.Reader) bool {
	file, isFile := in.(*os.File)
	if !isFile {
		return false
	}
	info, err := file.Stat()
	return err == nil && (info.Mode().IsRegular() || info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) != 0)
}

// readAll reads to the end, or until ctx ends. If patience is not 0, the first byte, or
// the end, must come within it: a script may have inherited a pipe of which it knows
// nothing.
func readAll(ctx context.Context, in io.Reader, from string, patience time.Duration) (input, error) {
	type result struct {
		text []byte
		err  error
	}
	begun, done := make(chan struct{}), make(chan result, 1)
	// Nothing interrupts a read from a terminal, so nobody waits for it: it ends
	// with the process, which an interrupt ends.
	go func() {
		reader := bufio.NewReader(io.LimitReader(in, maxInput+1))
		_, err := reader.Peek(1)
		close(begun)
		if err == io.EOF { // a terminal would be read again
			done <- result{}
			return
		}
		text, err := io.ReadAll(reader)
		done <- result{text, err}
	}()
	silent := make(<-chan time.Time)
	if patience > 0 {
		silent = time.After(patience)
	}
	select {
	case <-begun:
	case <-silent:
		return input{}, usageError{fmt.Errorf("%s is open, but nothing came within %s: give the message as an argument, {} for the empty one, or - to wait for it", from, patience)}
	case <-ctx.Done():
		return input{}, ctx.Err()
	}
	select {
	case r := <-done:
		if len(r.text) > maxInput {
			return input{}, messaging.Errorf(messaging.InvalidArgument, "%s has more than %d MiB", from, maxInput>>20)
		}
		return input{r.text, from}, fileError(r.err)
	case <-ctx.Done():
		return input{}, ctx.Err()
	}
}

// fileError gives an error of a file its code.
func fileError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return messaging.Errorf(messaging.NotFound, "%w", err)
	case errors.Is(err, syscall.EISDIR):
		return messaging.Errorf(messaging.InvalidArgument, "%w", err)
	case errors.Is(err, fs.ErrPermission):
		return messaging.Errorf(messaging.PermissionDenied, "%w", err)
	default:
		return messaging.Errorf(messaging.Unknown, "%w", err)
	}
}

// message returns the message that JSON is; no JSON is the empty one.
func (in input) message(md protoreflect.MessageDescriptor, types resolver) (proto.Message, error) {
	m := dynamicpb.NewMessage(md)
	if len(bytes.TrimSpace(in.text)) == 0 {
		return m, nil
	}
	err := protojson.UnmarshalOptions{Resolver: types}.Unmarshal(in.text, m)
	if err == nil {
		return m, nil
	}
	of := ""
	if in.from != "" {
		of = " of " + in.from
	}
	return nil, messaging.Errorf(messaging.InvalidArgument, "the JSON%s is no %s: %s", of, md.FullName(), protobufText(err))
}

// protobufText returns what an error of the protobuf library says. It writes a space
// or a no-break space, at random, so that nobody compares its texts.
func protobufText(err error) string {
	return strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto: ")
}
