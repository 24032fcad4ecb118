package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/anypb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// Exit codes, for scripts that call the command.
const (
	exitOK    = 0
	exitUsage = 2
	// exitError is what the code of an error is added to.
	exitError = 10
)

// does returns what a command runs. An error of f is one of the work, which has a
// code, unless it is a [usageError]; all other errors are about how the command was
// called. Once the command is interrupted, that is why it failed.
func does(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd, args)
		var usage usageError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &usage):
			return usage
		case cmd.Context().Err() != nil:
			return messaging.Errorf(messaging.Cancelled, "interrupted")
		default:
			return coded(err)
		}
	}
}

// usageError is an error of how a command was called that its work found out. Its code
// is of no use to anybody.
type usageError struct{ error }

// usage returns the error of flags that something was made with: one of usage if they
// are wrong.
func usage(err error) error {
	if messaging.CodeOf(err) != messaging.InvalidArgument {
		return err
	}
	return usageError{errors.New(messaging.AsError(err).Message)}
}

// coded returns an error as one with a code, which says everything that the error
// says.
func coded(err error) error {
	var detailed *detailedError
	if errors.As(err, &detailed) {
		return err
	}
	return messaging.AsError(err)
}

// detailedError is an error of a service, with the types to print its details.
type detailedError struct {
	failed *messaging.Error
	types  resolver
}

// Error returns the code and the message.
func (e *detailedError) Error() string { return e.failed.Error() }

// Unwrap returns the error itself.
func (e *detailedError) Unwrap() error { return e.failed }

// exitCode translates the error of a command.
func exitCode(err error) int {
	var failed *messaging.Error
	switch {
	case err == nil || readerGone(err):
		return exitOK
	case errors.As(err, &failed):
		return exitError + int(knownCode(failed))
	default:
		return exitUsage
	}
}

// knownCode returns the code of an error, UNKNOWN for those that a newer peer may
// send.
func knownCode(err error) messaging.Code {
	code := messaging.CodeOf(err)
	if _, known := mitterev1.Code_name[int32(code)]; !known {
		return messaging.Unknown
	}
	return code
}

// readerGone reports whether the reader of the output wants no more of it.
func readerGone(err error) bool { return errors.Is(err, syscall.EPIPE) }

// report tells the user of an error: what failed on one line, and then each of its
// details as JSON; all of it as JSON if that was asked for.
func report(w io.Writer, called *cobra.Command, err error) {
	var failed *messaging.Error
	switch {
	case err == nil || readerGone(err):
	case wantsJSON(called):
		reportJSON(w, err)
	case errors.As(err, &failed):
		fmt.Fprintf(w, "%s: %s\n", called.Root().Name(), printable(failed.Error()))
		reportDetails(w, err)
	default: // cobra's words about the user's, some of several lines
		fmt.Fprintf(w, "%s: %s\nRun '%s --help' for usage.\n", called.Root().Name(), strings.TrimSpace(err.Error()), called.CommandPath())
	}
}

// wantsJSON reports whether the user has asked for JSON. That it is the default of a
// command says nothing of errors.
func wantsJSON(called *cobra.Command) bool {
	output := called.Flags().Lookup("output")
	return output != nil && output.Changed && output.Value.String() == formatJSON
}

// reportJSON tells of an error on one line. That of wrong usage has no code.
func reportJSON(w io.Writer, err error) {
	failure := &failureJSON{Message: strings.TrimSpace(err.Error())}
	var failed *messaging.Error
	if errors.As(err, &failed) {
		failure = failureOf(failed)
		failure.Details = detailsJSON(failed.Details, typesOf(err))
	}
	line, _ := objectJSON(struct {
		Error *failureJSON `json:"error"`
	}{failure})
	fmt.Fprintf(w, "%s\n", line)
}

// reportDetails prints the details of an error. One of an unknown type is printed
// as it came.
func reportDetails(w io.Writer, err error) {
	for _, text := range detailsJSON(messaging.AsError(err).Details, typesOf(err)) {
		fmt.Fprintf(w, "%s\n", text)
	}
}

// typesOf returns the types of an error's details.
func typesOf(err error) resolver {
	var detailed *detailedError
	if errors.As(err, &detailed) {
		return detailed.types
	}
	return resolver{}
}

// detailsJSON returns the details of an error as JSON. Those for which there is no
// room are counted.
func detailsJSON(details []*anypb.Any, types resolver) (texts []json.RawMessage) {
	room := detailsRoom
	for i, detail := range details {
		text, took := anyJSON(detail, types, room)
		if room -= took + messageWeight; room < 0 {
			return append(texts, fmt.Appendf(nil, `{"omitted":%d}`, len(details)-i))
		}
		texts = append(texts, text)
	}
	return texts
}
