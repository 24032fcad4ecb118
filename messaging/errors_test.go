package messaging_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// codes are the numbers of gRPC's codes.
var codes = map[messaging.Code]int32{
	messaging.OK: 0, messaging.Cancelled: 1, messaging.Unknown: 2, messaging.InvalidArgument: 3,
	messaging.DeadlineExceeded: 4, messaging.NotFound: 5, messaging.AlreadyExists: 6,
	messaging.PermissionDenied: 7, messaging.ResourceExhausted: 8, messaging.FailedPrecondition: 9,
	messaging.Aborted: 10, messaging.OutOfRange: 11, messaging.Unimplemented: 12, messaging.Internal: 13,
	messaging.Unavailable: 14, messaging.DataLoss: 15, messaging.Unauthenticated: 16,
}

func TestCodesAreNumberedAsInGRPCAndAllAreThere(t *testing.T) {
	for code, number := range codes {
		if int32(code) != number {
			t.Errorf("%v is %d, want %d", code, code, number)
		}
	}
	if got, want := len(codes), len(mitterev1.Code_name); got != want {
		t.Errorf("%d codes have names here, %d in the schema", got, want)
	}
}

func TestErrorsAreComparedByCode(t *testing.T) {
	err := fmt.Errorf("call: %w", messaging.Errorf(messaging.NotFound, "no room %d", 7))
	if !errors.Is(err, &messaging.Error{Code: messaging.NotFound}) {
		t.Error("not the same as another error of its code")
	}
	if errors.Is(err, &messaging.Error{Code: messaging.Internal}) {
		t.Error("the same as an error of another code")
	}
	if got := messaging.CodeOf(err); got != messaging.NotFound {
		t.Errorf("code %v", got)
	}
}

func TestErrorsSayTheirCodeAndMessage(t *testing.T) {
	for want, err := range map[string]*messaging.Error{
		"NOT_FOUND: no room 7": messaging.Errorf(messaging.NotFound, "no room %d", 7),
		"NOT_FOUND":            {Code: messaging.NotFound},
		"99: later":            {Code: 99, Message: "later"},
		"UNKNOWN: no code":     {Message: "no code"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestErrorfWrapsItsCauses(t *testing.T) {
	one := messaging.Errorf(messaging.Unavailable, "read: %w", io.EOF)
	if !errors.Is(one, io.EOF) || one.Message != "read: EOF" {
		t.Errorf("%v lost its cause", one)
	}
	two := messaging.Errorf(messaging.Unavailable, "%w, then %w", io.EOF, net.ErrClosed)
	if !errors.Is(two, io.EOF) || !errors.Is(two, net.ErrClosed) {
		t.Errorf("%v lost a cause", two)
	}
	if none := messaging.Errorf(messaging.Unavailable, "read"); errors.Unwrap(none) != nil {
		t.Errorf("%v has a cause", none)
	}
}

func TestCodesOfOtherErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want messaging.Code
	}{
		{nil, messaging.OK},
		{io.EOF, messaging.Unknown},
		{context.Canceled, messaging.Cancelled},
		{fmt.Errorf("wait: %w", context.DeadlineExceeded), messaging.DeadlineExceeded},
		{net.ErrClosed, messaging.Unavailable},
		{&messaging.Error{}, messaging.Unknown}, // never OK: it would be a success elsewhere
	} {
		if got := messaging.CodeOf(c.err); got != c.want {
			t.Errorf("%v has the code %v, want %v", c.err, got, c.want)
		}
		typed := messaging.AsError(c.err)
		if (typed == nil) != (c.err == nil) {
			t.Errorf("%v became %v", c.err, typed)
		}
		if c.err != nil && !errors.Is(typed, c.err) {
			t.Errorf("%v is not in the chain of %v", c.err, typed)
		}
	}
}

func TestErrorsKeepAllTheySayOnTheWire(t *testing.T) {
	sent := messaging.Errorf(messaging.NotFound, "no room %d", 7).WithDetails(note(7), messagetest.Tree(1))
	frame := must(proto.Marshal(sent.Status()))(t)
	status := &mitterev1.Status{}
	if err := proto.Unmarshal(frame, status); err != nil {
		t.Fatal(err)
	}
	got := wantCode(t, messaging.FromStatus(status), messaging.NotFound)
	if got.Message != "no room 7" || !got.Remote() || sent.Remote() || len(got.Details) != 2 {
		t.Fatalf("got %v, remote %v, %d details", got, got.Remote(), len(got.Details))
	}
	wantEqual(t, must(got.Details[0].UnmarshalNew())(t), note(7))
	wantEqual(t, must(got.Details[1].UnmarshalNew())(t), messagetest.Tree(1))
}

func TestDetailsAreAddedToACopy(t *testing.T) {
	base := messaging.Errorf(messaging.NotFound, "no room").WithDetails(note(1), note(1), note(1))
	base.Details = slices.Grow(base.Details, 1) // room that two copies could share
	one, two := base.WithDetails(note(2)), base.WithDetails(note(3))
	if len(base.Details) != 3 || len(one.Details) != 4 || len(two.Details) != 4 {
		t.Fatalf("%d, %d and %d details", len(base.Details), len(one.Details), len(two.Details))
	}
	wantEqual(t, must(one.Details[3].UnmarshalNew())(t), note(2))
}

func TestStatusOfSuccessIsNoError(t *testing.T) {
	for _, status := range []*mitterev1.Status{nil, {}, {Message: "all is well"}} {
		if err := messaging.FromStatus(status); err != nil {
			t.Errorf("%v is the error %v", status, err)
		}
	}
}

func TestErrorWithoutCodeDoesNotTravelAsSuccess(t *testing.T) {
	if err := messaging.FromStatus((&messaging.Error{Message: "oops"}).Status()); err == nil {
		t.Error("it became a success")
	}
}

func TestMessagesOfErrorsTravelAsUTF8(t *testing.T) {
	status := messaging.Errorf(messaging.Internal, "bytes \xff").Status()
	if _, err := proto.Marshal(status); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(status.GetMessage(), "bytes ") {
		t.Errorf("the message became %q", status.GetMessage())
	}
}

func TestPeersContextErrorsAreContextErrors(t *testing.T) {
	for code, want := range map[messaging.Code]error{
		messaging.DeadlineExceeded: context.DeadlineExceeded,
		messaging.Cancelled:        context.Canceled,
	} {
		err := messaging.FromStatus(&mitterev1.Status{Code: code})
		if !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}
	if errors.Is(messaging.FromStatus(&mitterev1.Status{Code: messaging.NotFound}), context.Canceled) {
		t.Error("not found is context.Canceled")
	}
}

func TestErrorsOfCommGetTheirCodeAndStayInTheChain(t *testing.T) {
	zmq := newContext(t)
	pull := must(messaging.NewPull(zmq, "tcp://127.0.0.1:*"))(t)
	router := must(messaging.NewRouter(zmq, inprocEndpoint(t)))(t)
	small := must(messaging.NewPair(zmq, "", narrow...))(t)
	closed := must(messaging.NewPull(zmq, ""))(t)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	_, closedErr := closed.Recv(patient(t))
	_, endedErr := pull.Recv(ended())
	_, inUse := messaging.NewPull(zmq, of(pull))
	_, noTransport := messaging.NewPull(zmq, "carrier-pigeon://home")
	for _, c := range []struct {
		name   string
		err    error
		code   messaging.Code
		reason comm.Reason
	}{
		{"closed", closedErr, messaging.Unavailable, comm.Closed},
		{"unreachable", router.SendTo(patient(t), messaging.Route{[]byte("nobody")}, note(1)), messaging.Unavailable, comm.Unreachable},
		{"too large", small.Send(patient(t), &testv1.Blob{Data: make([]byte, narrowSize)}), messaging.ResourceExhausted, comm.TooLarge},
		{"address in use", inUse, messaging.FailedPrecondition, comm.AddressInUse},
		{"invalid", noTransport, messaging.InvalidArgument, comm.Invalid},
		{"not bound", pull.Unbind("tcp://127.0.0.1:1"), messaging.FailedPrecondition, comm.AddressUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantCode(t, c.err, c.code)
			if !errors.Is(c.err, c.reason) {
				t.Errorf("%v is not %v", c.err, c.reason)
			}
		})
	}
	if !errors.Is(closedErr, net.ErrClosed) {
		t.Errorf("%v is not net.ErrClosed", closedErr)
	}
	wantCode(t, endedErr, messaging.Cancelled)
	if !errors.Is(endedErr, context.Canceled) {
		t.Errorf("%v is not context.Canceled", endedErr)
	}
}

func TestCauseOfAnEndedContextStaysInTheChain(t *testing.T) {
	reason := errors.New("the user went home")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(reason)
	zmq := newContext(t)
	_, recv := must(messaging.NewPull(zmq, ""))(t).Recv(ctx)
	published := must(messaging.NewPublisher(zmq, ""))(t).Send(ctx, note(1))
	for _, err := range []error{recv, published} {
		wantCode(t, err, messaging.Cancelled)
		if !errors.Is(err, reason) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v does not say why", err)
		}
	}
}

func TestEverythingThatIsWrongIsReportedAtOnce(t *testing.T) {
	zmq := newContext(t)
	_, err := messaging.NewPull(zmq, "inproc://a", messaging.WithSocket(comm.WithHighWaterMark(-1), comm.WithMaxFrameSize(-2)))
	wantCode(t, err, messaging.InvalidArgument)
	for _, part := range []string{"-1", "-2"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not tell of %s", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q has more than one line", err)
	}
}

// constructors makes sockets of all kinds with a wrong endpoint.
var constructors = map[string]func(*comm.Context, string) (any, error){
	"publisher":  func(c *comm.Context, at string) (any, error) { return messaging.NewPublisher(c, at) },
	"subscriber": func(c *comm.Context, at string) (any, error) { return messaging.NewSubscriber(c, at) },
	"request":    func(c *comm.Context, at string) (any, error) { return messaging.NewReq(c, at) },
	"response":   func(c *comm.Context, at string) (any, error) { return messaging.NewRep(c, at) },
	"dealer":     func(c *comm.Context, at string) (any, error) { return messaging.NewDealer(c, at) },
	"router":     func(c *comm.Context, at string) (any, error) { return messaging.NewRouter(c, at) },
	"push":       func(c *comm.Context, at string) (any, error) { return messaging.NewPush(c, at) },
	"pull":       func(c *comm.Context, at string) (any, error) { return messaging.NewPull(c, at) },
	"pair":       func(c *comm.Context, at string) (any, error) { return messaging.NewPair(c, at) },
}

func TestConstructorsReportTypedErrors(t *testing.T) {
	zmq := newContext(t)
	for name, construct := range constructors {
		t.Run(name, func(t *testing.T) {
			_, err := construct(zmq, "nowhere")
			wantCode(t, err, messaging.InvalidArgument)
		})
	}
}

func TestMessagesThatCannotBeMarshalledAreRefused(t *testing.T) {
	pair := must(messaging.NewPair(newContext(t), inprocEndpoint(t)))(t)
	notUTF8 := note(1)
	notUTF8.Text = "\xff"
	for name, m := range map[string]proto.Message{"nil": nil, "not UTF-8": notUTF8} {
		t.Run(name, func(t *testing.T) {
			wantCode(t, pair.Send(patient(t), m), messaging.InvalidArgument)
			_, err := messaging.Pack(m)
			wantCode(t, err, messaging.InvalidArgument)
		})
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	unknown := messaging.Envelope{Type: "nobody.Knows"}
	_, err := unknown.Open(protoregistry.GlobalTypes)
	wantCode(t, err, messaging.Unimplemented)

	broken := messaging.Envelope{Type: "mittere.test.v1.Note", Body: []byte("\x0a\xff")}
	_, err = broken.Open(protoregistry.GlobalTypes)
	wantCode(t, err, messaging.InvalidArgument)

	other := must(messaging.Pack(messagetest.Tree(1)))(t)
	_, err = messaging.Open[*mitterev1.Status](&other)
	wantCode(t, err, messaging.InvalidArgument)
	wantCode(t, other.OpenInto(note(1)), messaging.InvalidArgument)

	_, err = messaging.Open[proto.Message](&other)
	wantCode(t, err, messaging.Internal)
}

func TestNilErrorInAnInterfaceIsAnErrorAndNoPanic(t *testing.T) {
	var none *messaging.Error
	if code := messaging.CodeOf(none); code != messaging.Internal {
		t.Errorf("its code is %v", code)
	}
}

func TestDetailsAreFoundByTheirTypes(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", messaging.Errorf(messaging.Aborted, "no").
		WithDetails(&testv1.Blob{Data: []byte("x")}, &testv1.Note{Text: "first"}, &testv1.Note{Text: "second"}))
	note, found := messaging.DetailOf[*testv1.Note](err)
	if !found || note.GetText() != "first" {
		t.Errorf("found %v, %v", found, note)
	}
	if _, found := messaging.DetailOf[*testv1.Scalars](err); found {
		t.Error("found a detail that is not there")
	}
	if _, found := messaging.DetailOf[*testv1.Note](io.EOF); found {
		t.Error("found a detail of an error that has none")
	}
}
