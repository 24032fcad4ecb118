package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// hostile is text that would do things to a terminal.
const hostile = "a\x1b[2J\x07\u009b2J\u202eb\r\nc\tä\xff\x7f😀"

func TestNothingFromOutsideMovesTheCursor(t *testing.T) {
	if got, want := printable(hostile), `a\x1b[2J\a\u009b2J\u202eb\r\nc\tä\xff\x7f😀`; got != want {
		t.Errorf("printed as %s, want %s", got, want)
	}
	var out bytes.Buffer
	check(t, printer{out: &out}.rows([]string{"A", "B"}, []string{hostile, ""}))
	if got, want := out.String(), "A"+strings.Repeat(" ", len([]rune(printable(hostile)))+1)+"B\n"+printable(hostile)+"  -\n"; got != want {
		t.Errorf("the table is\n%q, want\n%q", got, want)
	}
}

func TestJSONIsSafeToPrintAndMeansTheSame(t *testing.T) {
	text := strings.ToValidUTF8(hostile, "") + "\U000e0001"
	line := must(objectJSON(map[string]string{"<": text}))(t)
	if bytes.ContainsFunc(line, invisible) {
		t.Errorf("%q has something invisible", line)
	}
	var back map[string]string
	if err := json.Unmarshal(line, &back); err != nil || back["<"] != text {
		t.Errorf("%q became %q (%v)", text, back, err)
	}
	value := structpb.NewStringValue(text)
	line = must(messageJSON(value.ProtoReflect().Type(), must(proto.Marshal(value))(t), resolver{}))(t)
	var again string
	if err := json.Unmarshal(line, &again); err != nil || again != text || bytes.ContainsFunc(line, invisible) {
		t.Errorf("%q became %q (%v)", text, again, err)
	}
}

func TestColumnsAreAligned(t *testing.T) {
	entry := &mitterev1.Entry{Instance: &mitterev1.Instance{Name: "calculator", Id: "7", Endpoints: []string{"tcp://a:1", "ipc://b"}}}
	var out bytes.Buffer
	check(t, printEntries(printer{out: &out}, []*mitterev1.Entry{entry}, 3*time.Second))
	const want = "" +
		"NAME        ID  ENDPOINTS          VERSION  HEALTH   LEFT      DIALECT  KIND     LABELS  AGE\n" +
		"calculator  7   tcp://a:1,ipc://b  -        unknown  no lease  mittere  service  -       3s\n"
	if out.String() != want {
		t.Errorf("printed\n%swant\n%s", out.String(), want)
	}
	out.Reset()
	check(t, printEntries(printer{&out, formatJSON}, []*mitterev1.Entry{entry}, 0))
	if !strings.Contains(out.String(), `"leaseSeconds":null,"leftSeconds":null`) {
		t.Errorf("printed %s", out.String())
	}
}

func TestErrorsAreOneLineAndTheirDetailsJSON(t *testing.T) {
	failed := messaging.Errorf(messaging.NotFound, "no\nroom").WithDetails(&mitterev1.Overtime{Phase: mitterev1.Overtime_PHASE_WAITING})
	failed.Details = append(failed.Details, &anypb.Any{TypeUrl: "type.googleapis.com/nobody.Knows", Value: []byte{1}})
	var out bytes.Buffer
	report(&out, newRoot(), fmt.Errorf("wrapped: %w", &detailedError{failed, resolver{}}))
	const want = `mittere: NOT_FOUND: no\nroom
{"@type":"type.googleapis.com/mittere.v1.Overtime","phase":"PHASE_WAITING"}
{"@type":"type.googleapis.com/nobody.Knows","bytes":"AQ=="}
`
	if out.String() != want {
		t.Errorf("printed\n%swant\n%s", out.String(), want)
	}
}

func TestExitCodesAreTenMoreThanTheCode(t *testing.T) {
	for want, err := range map[int]error{
		0:  nil,
		2:  errors.New("unknown flag"),
		11: messaging.Errorf(messaging.Cancelled, ""),
		26: messaging.Errorf(messaging.Unauthenticated, ""),
		12: messaging.Errorf(1000, "of a newer peer"),
	} {
		if got := exitCode(err); got != want {
			t.Errorf("%v is %d, want %d", err, got, want)
		}
	}
}

func TestDurationsAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 999: "999ns", 1234: "1.23µs", 123456: "123µs", 12345678: "12.35ms", 1234567890: "1.23s", 90 * time.Minute: "1h30m0s",
	} {
		if got := short(d); got != want {
			t.Errorf("%d ns is %s, want %s", int64(d), got, want)
		}
	}
}
