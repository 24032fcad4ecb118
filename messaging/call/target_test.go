package call_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// brokerWelcome accepts a session as a broker does that serves targets.
func brokerWelcome() frames {
	return commandOf(&mitterev1.Welcome{Session: 1, HeartbeatNano: int64(rarely), Features: []string{command.FeatureTargets}}, nil)
}

// broking accepts sessions as a broker does, and answers what else comes.
func broking(answer answers) answers {
	return func(kind proto.Message) []frames {
		if _, hello := kind.(*mitterev1.Hello); hello {
			return []frames{brokerWelcome()}
		}
		return answer(kind)
	}
}

// answering answers each request the same, with its number.
func answering(answer func(id uint64) []frames) answers {
	return broking(func(kind proto.Message) []frames {
		if r, asks := kind.(*mitterev1.Request); asks {
			return answer(r.GetCall())
		}
		return nil
	})
}

// brokered returns a connection to a scripted broker, and that.
func brokered(t testing.TB, answers answers) (*call.Conn, *comm.Router) {
	t.Helper()
	zmq := newContext(t)
	router := serveRaw(t, zmq, tcp, answers)
	conn := dial(t, zmq, router.Endpoints()[0])
	eventually(t, "the connection is ready", conn.Ready)
	return conn, router
}

// What a broker sends for a call that several workers answer.
func accepted(id uint64, workers ...string) frames {
	return commandOf(&mitterev1.Accepted{Call: id, Instances: workers}, nil)
}

func itemOf(id, index uint64, worker string) frames {
	return commandOf(&mitterev1.Item{Call: id, Index: index, Instance: worker}, &testv1.NumbersResponse{Number: index})
}

func textOf(id uint64, worker string, more bool) frames {
	return commandOf(&mitterev1.Reply{Call: id, Instance: worker, More: more}, &testv1.EchoResponse{Text: "by " + worker})
}

func endOf(id, index uint64, worker string, more bool) frames {
	return commandOf(&mitterev1.Reply{Call: id, Index: index, Instance: worker, More: more}, nil)
}

func failed(id uint64, worker string, more bool, code messaging.Code) frames {
	return commandOf(&mitterev1.Reply{Call: id, Instance: worker, More: more, Status: &mitterev1.Status{Code: code, Message: "no"}}, nil)
}

func eventOf(id uint64, worker string, number int64) frames {
	return commandOf(&mitterev1.Event{Call: id, Instance: worker}, &testv1.Note{Number: number})
}

// askAll asks several workers for an echo.
func askAll(ctx context.Context, c call.Caller, options ...call.Option) iter.Seq[call.Answer[*testv1.EchoResponse]] {
	echo := call.Bind[*testv1.EchoRequest, *testv1.EchoResponse](c, echoMethod)
	return call.All(ctx, echo, &testv1.EchoRequest{Text: "all"}, options...)
}

// askAllNumbers asks several workers for streams.
func askAllNumbers(ctx context.Context, c call.Caller, options ...call.Option) iter.Seq[call.Answer[*testv1.NumbersResponse]] {
	numbers := call.BindStream[*testv1.NumbersRequest, *testv1.NumbersResponse](c, numbersMethod)
	return call.AllStream(ctx, numbers, &testv1.NumbersRequest{}, options...)
}

// said returns what answers say, each on a line.
func said[M proto.Message](answers iter.Seq[call.Answer[M]], what func(M) any) (lines []string) {
	for a := range answers {
		if a.Err != nil {
			lines = append(lines, fmt.Sprintf("%s: %v", a.Worker, messaging.CodeOf(a.Err)))
		} else {
			lines = append(lines, fmt.Sprintf("%s: %v", a.Worker, what(a.Reply)))
		}
	}
	return lines
}

// texts and counts are what answers have.
func texts(r *testv1.EchoResponse) any     { return r.GetText() }
func counts(r *testv1.NumbersResponse) any { return r.GetNumber() }

// wantLines checks what was said.
func wantLines(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAllGivesTheAnswersOfEachWorkerApart(t *testing.T) {
	asked := make(chan *mitterev1.Request, 1)
	conn, _ := brokered(t, broking(func(kind proto.Message) []frames {
		r, asks := kind.(*mitterev1.Request)
		if !asks {
			return nil
		}
		asked <- r
		id := r.GetCall()
		return []frames{
			commandOf(&mitterev1.Accepted{Call: id, Instances: []string{"a", "b", "c"}, Unknown: []string{"x"}}, nil),
			textOf(id, "c", true), failed(id, "a", true, messaging.Aborted), textOf(id, "b", false),
		}
	}))
	var order []string
	listen := call.WithAccepted(func(workers, unknown []string) { order = append(order, fmt.Sprint(workers, unknown)) })
	var timing call.Timing
	for a := range askAll(patient(t), conn, call.ToWorkers("a", "b", "c", "x"), listen, call.WithTiming(&timing)) {
		order = append(order, fmt.Sprint(a.Worker, a.Reply.GetText(), messaging.CodeOf(a.Err)))
	}
	wantLines(t, order, "[a b c] [x]", "x"+messaging.NotFound.String(), "cby c"+messaging.OK.String(),
		"a"+messaging.Aborted.String(), "bby b"+messaging.OK.String())
	wantEqual(t, receive(t, "the request", asked).GetTarget(),
		&mitterev1.Target{Kind: mitterev1.Target_KIND_NAMED, Names: []string{"a", "b", "c", "x"}})
	if timing.Instance != "b" {
		t.Errorf("the last answer came from %q", timing.Instance)
	}
	_ = said(askAll(patient(t), conn), texts)
	wantEqual(t, receive(t, "the request", asked).GetTarget(), &mitterev1.Target{Kind: mitterev1.Target_KIND_ALL})
}

func TestAllStreamGivesTheItemsOfEachWorkerInOrder(t *testing.T) {
	conn, _ := brokered(t, answering(func(id uint64) []frames {
		return []frames{
			accepted(id, "a", "b", "c"), itemOf(id, 1, "b"), itemOf(id, 1, "a"), itemOf(id, 2, "b"), endOf(id, 0, "c", true),
			failed(id, "b", true, messaging.Aborted), itemOf(id, 2, "a"), endOf(id, 2, "a", false),
		}
	}))
	wantLines(t, said(askAllNumbers(patient(t), conn), counts), "b: 1", "a: 1", "b: 2", "b: CODE_ABORTED", "a: 2")
}

// fleet is a scripted broker whose workers send streams of these lengths, as fast as
// the credit of each lets it.
type fleet struct {
	lengths []uint64
	quiet   int // the last ones, which send nothing before all others have ended
	sent    []uint64
	credit  []uint64
	over    int
	broken  atomic.Bool // credit came for nobody
}

func newFleet(quiet int, lengths ...uint64) *fleet {
	return &fleet{lengths: lengths, quiet: quiet, sent: make([]uint64, len(lengths)), credit: make([]uint64, len(lengths))}
}

func (f *fleet) answer(kind proto.Message) (all []frames) {
	switch k := kind.(type) {
	case *mitterev1.Request:
		var names []string
		for i := range f.lengths {
			f.credit[i] = uint64(k.GetCredit())
			names = append(names, fmt.Sprint(i))
		}
		return append([]frames{accepted(k.GetCall(), names...)}, f.send(k.GetCall())...)
	case *mitterev1.Credit:
		i, err := strconv.Atoi(k.GetInstance())
		if err != nil || i >= len(f.lengths) {
			f.broken.Store(true)
			return nil
		}
		f.credit[i] += uint64(k.GetItems())
		return f.send(k.GetCall())
	default:
		return nil
	}
}

// send sends what there is credit for.
func (f *fleet) send(id uint64) (all []frames) {
	for i, length := range f.lengths {
		if f.sent[i] > length || i >= len(f.lengths)-f.quiet && f.over < len(f.lengths)-f.quiet {
			continue
		}
		for f.sent[i] < min(length, f.credit[i]) {
			f.sent[i]++
			all = append(all, itemOf(id, f.sent[i], fmt.Sprint(i)))
		}
		if f.sent[i] == length {
			f.sent[i]++ // ended
			f.over++
			all = append(all, endOf(id, length, fmt.Sprint(i), f.over < len(f.lengths)))
		}
	}
	return all
}

func TestLongStreamsOfSeveralWorkersComeWhole(t *testing.T) {
	for _, window := range []int{1, 2, 7, 64} {
		f := newFleet(0, 1000, 0, 10, 999, 1, 64)
		conn, _ := brokered(t, broking(f.answer))
		got := map[string]uint64{}
		for a := range askAllNumbers(patient(t), conn, call.WithWindow(window)) {
			ok(t, a.Err)
			if got[a.Worker]++; a.Reply.GetNumber() != got[a.Worker] {
				t.Fatalf("item %d of %s came as number %d", a.Reply.GetNumber(), a.Worker, got[a.Worker])
			}
		}
		for i, length := range f.lengths {
			if n := got[fmt.Sprint(i)]; n != length {
				t.Errorf("window %d: %d items of worker %d, want %d", window, n, i, length)
			}
		}
	}
}

// TestQuietWorkersStallNobody has two workers say nothing until the others have sent
// many windows.
func TestQuietWorkersStallNobody(t *testing.T) {
	for _, window := range []int{1, 4, 7} {
		f := newFleet(2, 500, 301, 3, 20)
		conn, _ := brokered(t, broking(f.answer))
		got := map[string]uint64{}
		for a := range askAllNumbers(patient(t), conn, call.WithWindow(window)) {
			ok(t, a.Err)
			got[a.Worker]++
		}
		for i, length := range f.lengths {
			if n := got[fmt.Sprint(i)]; n != length {
				t.Errorf("window %d: %d items of worker %d, want %d", window, n, i, length)
			}
		}
		if f.broken.Load() {
			t.Error("credit came for nobody")
		}
	}
}

// TestEachWorkerHasAWindowOfItsOwn has two workers send a window: each gets credit for
// what was read of it alone.
func TestEachWorkerHasAWindowOfItsOwn(t *testing.T) {
	const window = 4
	credits, cancels := make(chan *mitterev1.Credit, 10), make(chan *mitterev1.Cancel, 1)
	conn, _ := brokered(t, broking(func(kind proto.Message) []frames {
		switch k := kind.(type) {
		case *mitterev1.Request:
			id := k.GetCall()
			return []frames{
				accepted(id, "a", "b", "c"), itemOf(id, 1, "a"), itemOf(id, 1, "b"), itemOf(id, 2, "b"), itemOf(id, 3, "b"),
				itemOf(id, 4, "b"), itemOf(id, 2, "a"), itemOf(id, 3, "a"), itemOf(id, 1, "c"),
			}
		case *mitterev1.Credit:
			credits <- k
		case *mitterev1.Cancel:
			cancels <- k
		}
		return nil
	}))
	for a := range askAllNumbers(patient(t), conn, call.WithWindow(window)) {
		if a.Worker == "c" {
			break // all of the other ones were read
		}
	}
	cancel := receive(t, "the cancel, which comes after all credit", cancels)
	for _, worker := range []string{"b", "b", "a"} {
		wantEqual(t, receive(t, "credit", credits), &mitterev1.Credit{Call: cancel.GetCall(), Items: window / 2, Instance: worker})
	}
	if len(credits) > 0 {
		t.Errorf("got %v as well", <-credits)
	}
}

// TestCallEndsWhenAllThatAreOpenHaveFailed has workers send what is wrong and then wait
// for credit: it would never come.
func TestCallEndsWhenAllThatAreOpenHaveFailed(t *testing.T) {
	for name, answer := range map[string]func(id uint64) []frames{
		"a gap after an end":  func(id uint64) []frames { return []frames{endOf(id, 0, "a", true), itemOf(id, 7, "b")} },
		"a gap before an end": func(id uint64) []frames { return []frames{itemOf(id, 7, "b"), endOf(id, 0, "a", true)} },
		"no envelope": func(id uint64) []frames {
			return []frames{endOf(id, 0, "a", true), commandOf(&mitterev1.Item{Call: id, Index: 1, Instance: "b"}, nil)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cancels := make(chan *mitterev1.Cancel, 1)
			conn, _ := brokered(t, broking(func(kind proto.Message) []frames {
				switch k := kind.(type) {
				case *mitterev1.Request:
					return append([]frames{accepted(k.GetCall(), "a", "b")}, answer(k.GetCall())...)
				case *mitterev1.Cancel:
					cancels <- k
				}
				return nil
			}))
			if lines := said(askAllNumbers(patient(t), conn), counts); len(lines) != 1 {
				t.Errorf("got %q", lines)
			}
			receive(t, "the cancel", cancels)
		})
	}
}

func TestCallOfOneWorkerIsLikeAnyOther(t *testing.T) {
	asked := make(chan *mitterev1.Request, 10)
	conn, _ := brokered(t, broking(func(kind proto.Message) []frames {
		r, asks := kind.(*mitterev1.Request)
		if !asks {
			return nil
		}
		asked <- r
		id := r.GetCall()
		switch {
		case r.GetTarget().GetNames()[0] != "a":
			return []frames{failed(id, "", false, messaging.NotFound)}
		case r.GetCredit() > 0:
			return []frames{accepted(id, "a"), itemOf(id, 1, "a"), itemOf(id, 2, "a"), endOf(id, 2, "a", false)}
		default:
			return []frames{accepted(id, "a"), textOf(id, "a", false)}
		}
	}))
	wantEqual(t, must(askEcho(patient(t), conn, "x", call.ToWorker("a")))(t), &testv1.EchoResponse{Text: "by a"})
	wantEqual(t, receive(t, "the request", asked).GetTarget(), &mitterev1.Target{Kind: mitterev1.Target_KIND_NAMED, Names: []string{"a"}})
	n := uint64(0)
	for item, err := range askNumbers(patient(t), conn, 0, call.ToWorker("a")) {
		ok(t, err)
		n += item.GetNumber()
	}
	if n != 3 {
		t.Errorf("the numbers make %d", n)
	}
	_, err := askEcho(patient(t), conn, "x", call.ToWorker("b"))
	wantCode(t, err, messaging.NotFound)
	wantLines(t, said(askAll(patient(t), conn, call.ToWorkers("a")), texts), "a: by a")
}

func TestOneWayCallGoesToAll(t *testing.T) {
	asked := make(chan *mitterev1.Request, 1)
	conn, _ := brokered(t, broking(func(kind proto.Message) []frames {
		if r, asks := kind.(*mitterev1.Request); asks {
			asked <- r
		}
		return nil
	}))
	ok(t, call.OneWay(patient(t), conn, echoMethod, &testv1.EchoRequest{}, call.ToAll()))
	if r := receive(t, "the request", asked); !r.GetOneWay() || r.GetTarget().GetKind() != mitterev1.Target_KIND_ALL {
		t.Errorf("got %v", r)
	}
}

func TestWrongTargetsAreRefusedBeforeAnythingIsSent(t *testing.T) {
	conn, _ := brokered(t, broking(func(kind proto.Message) []frames {
		if r, asks := kind.(*mitterev1.Request); asks {
			t.Errorf("%v was sent", r)
		}
		return nil
	}))
	for _, option := range []call.Option{call.ToAll(), call.ToWorkers("a", "b"), call.ToWorkers()} {
		_, err := askEcho(patient(t), conn, "x", option)
		wantRefused(t, err, messaging.InvalidArgument)
		for _, err := range askNumbers(patient(t), conn, 1, option) {
			wantRefused(t, err, messaging.InvalidArgument)
		}
	}
	_, err := askEcho(patient(t), conn, "x", call.ToAll())
	if !strings.Contains(err.Error(), "use All") {
		t.Errorf("%v does not say what to use", err)
	}
	for a := range askAll(patient(t), conn, call.ToWorkers()) {
		wantRefused(t, a.Err, messaging.InvalidArgument)
	}
	each := func(*messaging.Envelope) error { return nil }
	for _, r := range []*call.Request{
		{Message: &testv1.Note{}, Target: &call.Target{}},
		{Message: &testv1.Note{}, Target: &call.Target{All: true, Names: []string{"a"}}},
		{Message: &testv1.Note{}, Several: &call.Several{}},
		{Target: &call.Target{All: true}},
	} {
		wantRefused(t, conn.Call(patient(t), r, each), messaging.InvalidArgument)
	}
}

func TestMethodThatLosesItsOptionsIsAnErrorOfAll(t *testing.T) {
	lossy := func(context.Context, *testv1.EchoRequest, ...call.Option) (*testv1.EchoResponse, error) {
		return &testv1.EchoResponse{}, nil
	}
	for a := range call.All(patient(t), lossy, &testv1.EchoRequest{}) {
		wantCode(t, a.Err, messaging.InvalidArgument)
	}
}

func TestServerThatIsNoBrokerGetsNoTargets(t *testing.T) {
	depot := newDepot()
	conn, _ := pair(t, tcp, depot.handlers())
	_, err := askStore(patient(t), conn, 1, call.ToWorker("a"))
	wantRefused(t, err, messaging.Unimplemented)
	for a := range askAll(patient(t), conn) {
		wantRefused(t, a.Err, messaging.Unimplemented)
	}
	if n := depot.executed.Load(); n != 0 {
		t.Errorf("%d were executed", n)
	}
}

func TestLeavingTheLoopCancelsTheCall(t *testing.T) {
	cancels := make(chan uint64, 10)
	var sent sync.Map
	conn, _ := brokered(t, broking(func(kind proto.Message) []frames {
		switch k := kind.(type) {
		case *mitterev1.Request:
			sent.Store(k.GetCall(), true)
			return []frames{accepted(k.GetCall(), "a", "b"), textOf(k.GetCall(), "a", true)}
		case *mitterev1.Cancel:
			cancels <- k.GetCall()
		}
		return nil
	}))
	for a := range askAll(patient(t), conn) {
		ok(t, a.Err)
		break
	}
	if _, was := sent.Load(receive(t, "the cancel", cancels)); !was {
		t.Error("another call was cancelled")
	}
	ctx, cancel := context.WithCancel(patient(t))
	defer cancel()
	var last call.Answer[*testv1.EchoResponse]
	for last = range askAll(ctx, conn) {
		cancel()
	}
	receive(t, "the cancel", cancels)
	if wantCode(t, last.Err, messaging.Cancelled); last.Worker != "" || !errors.Is(last.Err, context.Canceled) {
		t.Errorf("the last answer is %+v", last)
	}
	if n := conn.Outstanding(); n != 0 {
		t.Errorf("%d calls are outstanding", n)
	}
}

func TestBrokerThatGoesAwayIsOneErrorOfTheWholeCall(t *testing.T) {
	conn, router := brokered(t, answering(func(id uint64) []frames {
		return []frames{accepted(id, "a", "b", "c"), textOf(id, "b", true)}
	}))
	var lines []string
	for a := range askAll(patient(t), conn) {
		if lines = append(lines, a.Worker+" "+messaging.CodeOf(a.Err).String()); a.Err == nil {
			ok(t, router.Close())
		} else if messaging.Refused(a.Err) {
			t.Errorf("%v: whether it was executed is not known", a.Err)
		}
	}
	wantLines(t, lines, "b CODE_UNSPECIFIED", " CODE_UNAVAILABLE")
}
