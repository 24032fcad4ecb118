package majordomo_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/majordomo"
)

func TestRequestsAreAnsweredOverEveryTransportAndVersion(t *testing.T) {
	for _, endpoint := range []string{"tcp://127.0.0.1:*", "inproc://broker"} {
		for _, of := range []majordomo.Version{majordomo.V1, majordomo.V2} {
			for _, by := range []majordomo.Version{majordomo.V1, majordomo.V2} {
				t.Run(fmt.Sprint(endpoint, " ", of, " by ", by), func(t *testing.T) {
					zmq := newContext(t)
					at, _ := serve(t, zmq, endpoint)
					work(t, zmq, at, "echo", echo, majordomo.WithVersion(by))
					c := dial(t, zmq, at, majordomo.WithVersion(of))
					for _, body := range []string{"hi", "", "a|b||c", "|MDPC01|", "\x00\xff"} {
						ask(t, c, "echo", body, body)
					}
				})
			}
		}
	}
}

func TestManyCallersShareAFewConnections(t *testing.T) {
	zmq := newContext(t)
	at, _ := serve(t, zmq, "tcp://127.0.0.1:*")
	for range 3 {
		work(t, zmq, at, "echo", echo)
	}
	c := dial(t, zmq, at, majordomo.WithConnections(4))
	var callers sync.WaitGroup
	for i := range 32 {
		callers.Go(func() {
			for j := range 50 {
				want := fmt.Sprint(i, " ", j)
				if reply, err := c.Request(patient(t), "echo", []byte(want)); err != nil || text(reply) != want {
					t.Errorf("reply %q, %v; want %q", reply, err, want)
				}
			}
		})
	}
	callers.Wait()
}

// A broker that ends without a word, as one that is killed, and its next run.
func TestRequestIsSentAgainWhenTheBrokerIsRestarted(t *testing.T) {
	zmq := newContext(t)
	f := pretend(t, zmq)
	at := f.Endpoints()[0]
	c := dial(t, zmq, at, majordomo.WithTimeout(500*time.Millisecond), majordomo.WithRetries(50))
	work(t, zmq, at, "echo", echo)
	replied := make(chan string, 1)
	go func() {
		reply, err := c.Request(patient(t), "echo", []byte("hi"))
		replied <- fmt.Sprint(text(reply), err)
	}()
	f.hear("|MDPC01|echo|hi")
	ok(t, f.Close())
	serve(t, zmq, at)
	if got := await(t, replied); got != "hi<nil>" {
		t.Error(got)
	}
}

// A try is over when its time is, sent or not. Within the process what was sent has
// arrived.
func TestRetriesUseNewSocketsAndEnd(t *testing.T) {
	zmq := newContext(t)
	f := pretendAt(t, zmq, "inproc://broker")
	c := dial(t, zmq, f.Endpoints()[0], majordomo.WithTimeout(200*time.Millisecond), majordomo.WithRetries(2))
	_, err := c.Request(patient(t), "echo", []byte("hi"))
	if messaging.CodeOf(err) != messaging.DeadlineExceeded || messaging.Refused(err) {
		t.Fatalf("error %v", err)
	}
	from := map[string]bool{}
	for range 3 {
		id, body := f.hear("|MDPC01|echo|")
		from[id] = true
		if body != "hi" {
			t.Errorf("body %q", body)
		}
	}
	if len(from) != 3 {
		t.Errorf("%d sockets for three tries", len(from))
	}
}

// Some brokers need names that are text. Each socket has another one, so that a late reply
// comes to none.
func TestRoutingIDsOfAClientAreTextAndAnotherForEachSocket(t *testing.T) {
	zmq := newContext(t)
	f := pretendAt(t, zmq, "inproc://broker")
	c := dial(t, zmq, f.Endpoints()[0], majordomo.WithRoutingID("ask"), majordomo.WithTimeout(200*time.Millisecond), majordomo.WithRetries(2))
	_, err := c.Request(patient(t), "echo", []byte("hi"))
	if messaging.CodeOf(err) != messaging.DeadlineExceeded {
		t.Fatalf("error %v", err)
	}
	from := map[string]bool{}
	for range 3 {
		id, _ := f.hear("|MDPC01|echo|")
		from[id] = true
		if !regexp.MustCompile(`^ask-[A-Z2-7]{8}$`).MatchString(id) {
			t.Errorf("a socket is named %q", id)
		}
	}
	if len(from) != 3 {
		t.Errorf("%d names of three sockets", len(from))
	}
}

func TestRequestThatWasNeverSentIsRefused(t *testing.T) {
	c := dial(t, newContext(t), "tcp://127.0.0.1:9", majordomo.WithTimeout(10*time.Millisecond), majordomo.WithRetries(1))
	_, err := c.Request(patient(t), "echo", []byte("hi"))
	if messaging.CodeOf(err) != messaging.DeadlineExceeded || !messaging.Refused(err) {
		t.Fatalf("error %v", err)
	}
}

func TestLateReplyIsNeverTakenForAnothers(t *testing.T) {
	zmq := newContext(t)
	f := pretend(t, zmq)
	c := dial(t, zmq, f.Endpoints()[0])
	ctx, cancel := context.WithCancel(patient(t))
	ended := make(chan error, 1)
	go func() {
		_, err := c.Request(ctx, "echo", []byte("first"))
		ended <- err
	}()
	first, _ := f.hear("|MDPC01|echo|first")
	cancel()
	if err := await(t, ended); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	replied := make(chan string, 1)
	go func() {
		reply, _ := c.Request(patient(t), "echo", []byte("second"))
		replied <- text(reply)
	}()
	second, _ := f.hear("|MDPC01|echo|second")
	f.say(first, "|MDPC01|echo|FIRST")
	f.say(second, "|MDPC01|echo|SECOND")
	if got := await(t, replied); got != "SECOND" {
		t.Errorf("reply %q", got)
	}
}

func TestGarbageOfABrokerIsNoReply(t *testing.T) {
	zmq := newContext(t)
	f := pretend(t, zmq)
	for v, good := range map[majordomo.Version]string{majordomo.V1: "|MDPC01|echo|hi", majordomo.V2: "MDPC02|\x03|echo|hi"} {
		c := dial(t, zmq, f.Endpoints()[0], majordomo.WithVersion(v))
		replied := make(chan string, 1)
		go func() {
			reply, err := c.Request(patient(t), "echo", []byte("hi"))
			replied <- fmt.Sprint(text(reply), err)
		}()
		from, _ := f.hear("")
		for _, garbage := range []string{"", "|", "|MDPC01", "|MDPW01|\x05", "|MDPC01|other|x", "MDPC02", "MDPC02|\x09|echo|x", "MDPC02|\x03|other|x", "\x00\xff"} {
			f.say(from, garbage)
		}
		f.say(from, good)
		if got := await(t, replied); got != "hi<nil>" {
			t.Errorf("%v: %s", v, got)
		}
	}
}

func TestCallersInLineAreBoundByTheirContextAndByClose(t *testing.T) {
	zmq := newContext(t)
	f := pretend(t, zmq)
	c := dial(t, zmq, f.Endpoints()[0])
	ended := make(chan error, 1)
	go func() {
		_, err := c.Request(context.Background(), "echo", []byte("hi"))
		ended <- err
	}()
	f.hear("|MDPC01|echo|hi")
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := c.Request(ctx, "echo", []byte("next")); !errors.Is(err, context.DeadlineExceeded) || !messaging.Refused(err) {
		t.Errorf("error %v", err)
	}
	ok(t, c.Close())
	ok(t, c.Close())
	if err := await(t, ended); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if _, err := c.Request(patient(t), "echo", []byte("late")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

func TestPartsArriveInOrderBeforeTheFinal(t *testing.T) {
	zmq := newContext(t)
	at, _ := serve(t, zmq, "tcp://127.0.0.1:*")
	run(t, must(majordomo.NewPartsWorker(zmq, at, "count", func(_ context.Context, _ [][]byte, send func(...[]byte) error) ([][]byte, error) {
		for i := range 100 {
			if err := send(fmt.Append(nil, i)); err != nil {
				return nil, err
			}
		}
		return frames("done"), nil
	}, quickly()...))(t).Run)
	c := dial(t, zmq, at, majordomo.WithVersion(majordomo.V2))
	next := 0
	final, err := c.RequestParts(patient(t), "count", func(part [][]byte) error {
		if text(part) != fmt.Sprint(next) {
			t.Errorf("part %q, want %d", part, next)
		}
		next++
		return nil
	}, []byte("go"))
	if err != nil || text(final) != "done" || next != 100 {
		t.Errorf("%q, %v after %d parts", text(final), err, next)
	}
	enough := errors.New("enough")
	if _, err := c.RequestParts(patient(t), "count", func([][]byte) error { return enough }, []byte("go")); err != enough {
		t.Errorf("error %v", err)
	}
	ask(t, c, "count", "go", "done") // the parts are dropped, those of the request before too
	ask(t, dial(t, zmq, at), "count", "go", "done")
}

func TestWhatIsSeenInPartIsNotSentAgain(t *testing.T) {
	zmq := newContext(t)
	f := pretend(t, zmq)
	c := dial(t, zmq, f.Endpoints()[0], majordomo.WithVersion(majordomo.V2), majordomo.WithTimeout(200*time.Millisecond), majordomo.WithRetries(1000))
	ended := make(chan error, 1)
	seen := make(chan string, 1)
	go func() {
		_, err := c.RequestParts(patient(t), "echo", func(part [][]byte) error { seen <- text(part); return nil }, []byte("hi"))
		ended <- err
	}()
	for told := false; !told; { // a try may end before the part is there
		from, _ := f.hear("MDPC02|\x01|echo|hi")
		f.say(from, "MDPC02|\x02|echo|part")
		select {
		case <-seen:
			told = true
		case <-time.After(200 * time.Millisecond):
		}
	}
	if err := await(t, ended); messaging.CodeOf(err) != messaging.DeadlineExceeded || messaging.Refused(err) {
		t.Errorf("error %v", err)
	}
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	zmq := newContext(t)
	_, err := majordomo.NewClient(zmq, "tcp://127.0.0.1:9", majordomo.WithTimeout(0), majordomo.WithRetries(-1), majordomo.WithConnections(0),
		majordomo.WithVersion(3), majordomo.WithLogger(nil))
	wantInvalid(t, err)
	_, err = majordomo.NewClient(zmq, "nonsense")
	wantInvalid(t, err)
	for _, id := range []string{"", "\x00", strings.Repeat("x", 247)} {
		_, err = majordomo.NewClient(zmq, "tcp://127.0.0.1:9", majordomo.WithRoutingID(id))
		wantInvalid(t, err)
	}
	_, err = majordomo.NewWorker(zmq, "tcp://127.0.0.1:9", "echo", echo, majordomo.WithRoutingID(""))
	wantInvalid(t, err)
	_, err = majordomo.NewWorker(zmq, "nonsense", "echo", echo)
	wantInvalid(t, err)
	_, err = majordomo.NewWorker(zmq, "tcp://127.0.0.1:9", "", nil, majordomo.WithHeartbeat(0, 0), majordomo.WithReconnect(2, 1), majordomo.WithDrainTimeout(-1))
	wantInvalid(t, err)
	_, err = majordomo.NewPartsWorker(zmq, "tcp://127.0.0.1:9", "echo", nil, majordomo.WithVersion(majordomo.V1))
	wantInvalid(t, err)
	_, err = dial(t, zmq, "tcp://127.0.0.1:9").Request(patient(t), "ec\x00ho", []byte("hi"))
	wantInvalid(t, err)
}

func wantInvalid(t testing.TB, err error) {
	t.Helper()
	if messaging.CodeOf(err) != messaging.InvalidArgument {
		t.Errorf("error %v", err)
	}
}
