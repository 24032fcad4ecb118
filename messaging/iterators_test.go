package messaging_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

// pipe is a Pull whose peer sends frames of any kind.
type pipe struct {
	testing.TB
	pull *messaging.Pull
	push *comm.Push
}

func newPipe(t testing.TB, options ...messaging.Option) *pipe {
	t.Helper()
	zmq := newContext(t)
	pull := must(messaging.NewPull(zmq, inprocEndpoint(t), options...))(t)
	return &pipe{TB: t, pull: pull, push: must(comm.NewPush(zmq, of(pull)))(t)}
}

// put sends one frame.
func (p *pipe) put(frame []byte) {
	p.Helper()
	send(p, p.push.Send(patient(p), comm.NewMessage(frame)))
}

// putMixed sends a note, garbage, a tree, a type that nobody knows, a note.
func (p *pipe) putMixed() {
	p.put(frame(p, note(1)))
	p.put([]byte("garbage"))
	p.put(frame(p, messagetest.Tree(1)))
	p.put((&messaging.Envelope{Type: "nobody.Knows"}).Append(nil))
	p.put(frame(p, note(2)))
}

// step is what an iterator yields: a message or the code of an error.
type step struct {
	message proto.Message
	code    messaging.Code
}

// wantSteps checks what an iterator yields, up to the last of the steps.
func wantSteps[M proto.Message](t *testing.T, steps []step, messages func(func(M, error) bool)) {
	t.Helper()
	i := 0
	for m, err := range messages {
		want := steps[i]
		switch {
		case want.code != messaging.OK:
			wantCode(t, err, want.code)
		case err != nil:
			t.Fatal(err)
		default:
			wantEqual(t, m, want.message)
		}
		if i++; i == len(steps) {
			return
		}
	}
	t.Fatalf("the iterator ended after %d of %d steps", i, len(steps))
}

func TestMessagesYieldsErrorsInTheirPlace(t *testing.T) {
	p := newPipe(t)
	p.putMixed()
	wantSteps(t, []step{
		{message: note(1)}, {code: messaging.InvalidArgument}, {message: messagetest.Tree(1)},
		{code: messaging.Unimplemented}, {message: note(2)},
	}, p.pull.Messages(patient(t)))
}

func TestMessagesOfOneTypeYieldsOthersAsErrorsInTheirPlace(t *testing.T) {
	p := newPipe(t)
	p.putMixed()
	wantSteps(t, []step{
		{message: note(1)}, {code: messaging.InvalidArgument}, {code: messaging.InvalidArgument},
		{code: messaging.InvalidArgument}, {message: note(2)},
	}, messaging.MessagesOf[*testv1.Note](patient(t), p.pull))
}

func TestDeliveriesYieldsUnknownTypes(t *testing.T) {
	p := newPipe(t)
	p.putMixed()
	var got []string
	for d, err := range p.pull.Deliveries(patient(t)) {
		if err != nil {
			got = append(got, messaging.CodeOf(err).String())
			continue
		}
		got = append(got, d.Type)
		if len(got) == 5 {
			break
		}
	}
	want := []string{"mittere.test.v1.Note", "CODE_INVALID_ARGUMENT", "mittere.test.v1.Tree", "nobody.Knows", "mittere.test.v1.Note"}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestOversizeMessagesAreErrorsInTheirPlace(t *testing.T) {
	p := newPipe(t, narrow...)
	p.put(frame(t, note(1)))
	p.put(make([]byte, narrowSize+1))
	p.put(frame(t, note(2)))
	wantSteps(t, []step{{message: note(1)}, {code: messaging.ResourceExhausted}, {message: note(2)}},
		p.pull.Messages(patient(t)))
}

func TestIteratorsGoOnWhereABreakLeftThem(t *testing.T) {
	p := newPipe(t)
	for i := range 200 {
		p.put(frame(t, note(i)))
	}
	next := 0
	for next < 200 {
		for m, err := range messaging.MessagesOf[*testv1.Note](patient(t), p.pull) {
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, m, note(next))
			if next++; next%7 == 0 || next == 200 {
				break
			}
		}
	}
}

// drain counts how often an iterator yields, and returns the last error.
func drain[M any](messages func(func(M, error) bool)) (yields int, last error) {
	for _, last = range messages {
		yields++
	}
	return yields, last
}

func TestIteratorsEndWithTheirContextWithoutAnError(t *testing.T) {
	p := newPipe(t)
	for _, run := range []func(context.Context) (int, error){
		func(ctx context.Context) (int, error) { return drain(p.pull.Deliveries(ctx)) },
		func(ctx context.Context) (int, error) { return drain(p.pull.Messages(ctx)) },
		func(ctx context.Context) (int, error) { return drain(messaging.MessagesOf[*testv1.Note](ctx, p.pull)) },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan error, 1)
		go func() {
			yields, err := run(ctx)
			if yields != 0 {
				err = errors.Join(err, errors.New("something was yielded"))
			}
			ran <- err
		}()
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}
	p.put(frame(t, note(1)))
	wantNote(t, p.pull, 1)
}

func TestContextEndsAnIteratorBetweenTwoMessagesAndNoneIsLost(t *testing.T) {
	p := newPipe(t)
	for i := range 100 {
		p.put(frame(t, note(i)))
	}
	for i := range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		yields, err := drain(func(yield func(*testv1.Note, error) bool) {
			for m, err := range messaging.MessagesOf[*testv1.Note](ctx, p.pull) {
				wantEqual(t, m, note(i))
				cancel()
				if !yield(m, err) {
					return
				}
			}
		})
		cancel()
		if yields != 1 || err != nil {
			t.Fatalf("%d yields, the last is %v", yields, err)
		}
	}
}

func TestClosedSocketIsTheLastErrorOfAnIterator(t *testing.T) {
	for name, iterate := range map[string]func(*messaging.Pull) (int, error){
		"deliveries": func(p *messaging.Pull) (int, error) { return drain(p.Deliveries(context.Background())) },
		"messages":   func(p *messaging.Pull) (int, error) { return drain(p.Messages(context.Background())) },
		"of a type": func(p *messaging.Pull) (int, error) {
			return drain(messaging.MessagesOf[*testv1.Note](context.Background(), p))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipe(t)
			type end struct {
				yields int
				err    error
			}
			ended := make(chan end)
			go func() {
				yields, err := iterate(p.pull)
				ended <- end{yields, err}
			}()
			if err := p.pull.Close(); err != nil {
				t.Fatal(err)
			}
			got := <-ended
			wantCode(t, got.err, messaging.Unavailable)
			if got.yields != 1 || !errors.Is(got.err, net.ErrClosed) {
				t.Errorf("%d yields, the last is %v", got.yields, got.err)
			}
		})
	}
}

func TestReceiversShareASocketAndEachEndsWithItsOwnContext(t *testing.T) {
	p := newPipe(t)
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan error)
	for range 5 {
		go func() {
			_, err := p.pull.Recv(ctx)
			gone <- err
		}()
	}
	stays := make(chan error)
	go func() {
		_, err := p.pull.Recv(patient(t))
		stays <- err
	}()
	cancel()
	for range 5 {
		wantCode(t, <-gone, messaging.Cancelled)
	}
	p.put(frame(t, note(1)))
	if err := <-stays; err != nil {
		t.Error(err)
	}
}
