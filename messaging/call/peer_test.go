package call_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

// frames is what a raw peer sends: a message.
type frames [][]byte

// commandOf returns a command as it travels, with the envelope of a message.
func commandOf(kind, message proto.Message) frames {
	c, err := command.New(kind, message)
	if err != nil {
		panic(err)
	}
	f, err := c.Frames()
	if err != nil {
		panic(err)
	}
	return f
}

// answers is what a raw server sends when a command comes.
type answers func(kind proto.Message) []frames

// serveRaw runs a server that follows no protocol but what it is told, until the
// test ends.
func serveRaw(t testing.TB, zmq *comm.Context, endpoint string, answers answers) *comm.Router {
	t.Helper()
	router := must(comm.NewRouter(zmq, endpoint))(t)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			m, err := router.Recv(ctx)
			if err != nil {
				return
			}
			c, _ := command.Decode(m.Frames[1:])
			for _, answer := range answers(c.Kind) {
				_ = router.Send(ctx, comm.NewMessage(slices.Concat(m.Frames[:1], answer)...)) // its peer may be gone
			}
		}
	})
	t.Cleanup(func() { cancel(); serving.Wait() })
	return router
}

// welcome accepts a session.
func welcome(heartbeat time.Duration) frames {
	return commandOf(&mitterev1.Welcome{Session: 1, HeartbeatNano: int64(heartbeat)}, nil)
}

// welcoming accepts sessions and answers requests.
func welcoming(heartbeat time.Duration, answer func(id uint64) []frames) answers {
	return func(kind proto.Message) []frames {
		switch k := kind.(type) {
		case *mitterev1.Hello:
			return []frames{welcome(heartbeat)}
		case *mitterev1.Request:
			return answer(k.GetCall())
		default:
			return nil
		}
	}
}

// item and reply are answers to a call.
func item(id, index uint64) frames {
	return commandOf(&mitterev1.Item{Call: id, Index: index}, &testv1.NumbersResponse{Number: index})
}

func reply(id, index uint64) frames { return commandOf(&mitterev1.Reply{Call: id, Index: index}, nil) }

func TestSilentServerEndsTheCallsItHas(t *testing.T) {
	zmq := newContext(t)
	const heartbeat = 50 * time.Millisecond
	router := serveRaw(t, zmq, tcp, welcoming(heartbeat, func(uint64) []frames { return nil }))
	conn := dial(t, zmq, router.Endpoints()[0])
	began := time.Now()
	_, err := askEcho(patient(t), conn, "nobody answers")
	soon(t, "the end of the call", began)
	wantCode(t, err, messaging.Unavailable)
	if took := time.Since(began); messaging.Refused(err) || took < 2*heartbeat {
		t.Errorf("%v after %v: want it not before the server was silent, nor refused", err, took)
	}
}

// noServers are peers that do not speak the protocol.
var noServers = map[string]answers{
	"says nothing":                 func(proto.Message) []frames { return nil },
	"says what is no command":      func(proto.Message) []frames { return []frames{{[]byte("garbage")}} },
	"says nothing in many frames":  func(proto.Message) []frames { return []frames{{nil, nil, nil}} },
	"speaks another version":       func(proto.Message) []frames { return []frames{{{0x08, 0x02, 0x1a, 0x00}}} },
	"accepts no session":           func(proto.Message) []frames { return []frames{commandOf(&mitterev1.Welcome{HeartbeatNano: 1e9}, nil)} },
	"accepts a session of no time": func(proto.Message) []frames { return []frames{welcome(0)} },
	"accepts a session that has no end": func(proto.Message) []frames {
		return []frames{welcome(1 << 62)}
	},
	"takes frames of one byte": func(proto.Message) []frames {
		return []frames{commandOf(&mitterev1.Welcome{Session: 1, HeartbeatNano: 1e9, Limits: &mitterev1.Limits{FrameBytes: 1}}, nil)}
	},
	"refuses": func(proto.Message) []frames {
		return []frames{commandOf(&mitterev1.Disconnect{Status: &mitterev1.Status{Code: messaging.PermissionDenied, Message: "no"}}, nil)}
	},
	"ends all sessions": func(proto.Message) []frames { return []frames{commandOf(&mitterev1.Disconnect{}, nil)} },
}

func TestConnSaysWhyThereIsNoSessionAndKeepsTrying(t *testing.T) {
	for name, answers := range noServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zmq := newContext(t)
			wrong := serveRaw(t, zmq, tcp, answers)
			endpoint := wrong.Endpoints()[0]
			conn := dial(t, zmq, endpoint, call.WithHandshake(200*time.Millisecond), call.WithHeartbeat(50*time.Millisecond))
			_, err := askEcho(within(t, 300*time.Millisecond), conn, "nobody")
			wantCode(t, err, messaging.CodeOf(err))
			if !isOneOf(err, messaging.Unavailable, messaging.DeadlineExceeded) || !strings.Contains(err.Error(), endpoint) {
				t.Errorf("got %v", err)
			}
			ok(t, wrong.Close())
			s := serveOn(t, eventuallyBound(t, zmq, endpoint), handlers())
			eventually(t, "calls succeed", func() bool { _, err := askEcho(patient(t), conn, "somebody"); return err == nil })
			eventually(t, "there is one session", func() bool { return s.Stats().Sessions == 1 })
		})
	}
}

func TestServerWhoseWelcomeCannotBeTakenNeverHasASession(t *testing.T) {
	t.Parallel() // it waits rather than works
	for name, wrong := range map[string]*mitterev1.Welcome{
		"no session":                       {HeartbeatNano: 1e9},
		"no heartbeat":                     {Session: 1},
		"a heartbeat of less than nothing": {Session: 1, HeartbeatNano: -1},
		"a heartbeat too often":            {Session: 1, HeartbeatNano: 1e6 - 1},
		"a heartbeat too late":             {Session: 1, HeartbeatNano: 1 << 62},
		"frames of one byte":               {Session: 1, HeartbeatNano: 1e9, Limits: &mitterev1.Limits{FrameBytes: 1}},
		"frames a bit too short":           {Session: 1, HeartbeatNano: 1e9, Limits: &mitterev1.Limits{FrameBytes: 1023}},
	} {
		t.Run(name, func(t *testing.T) {
			zmq := newContext(t)
			router := serveRaw(t, zmq, tcp, func(proto.Message) []frames { return []frames{commandOf(wrong, nil)} })
			conn := dial(t, zmq, router.Endpoints()[0])
			eventually(t, "it says why", func() bool { return strings.Contains(conn.Err().Error(), "a welcome with") })
			_, err := askEcho(within(t, 200*time.Millisecond), conn, "nobody")
			if wantCode(t, err, messaging.CodeOf(err)); err == nil || !strings.Contains(err.Error(), "a welcome with") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWelcomeWithoutLimitsIsTaken(t *testing.T) {
	for _, limits := range []*mitterev1.Limits{nil, {}, {FrameBytes: 1024}, {FrameBytes: 1 << 63, Calls: 1 << 31}} {
		zmq := newContext(t)
		router := serveRaw(t, zmq, tcp, func(proto.Message) []frames {
			return []frames{commandOf(&mitterev1.Welcome{Session: 1, HeartbeatNano: 1e9, Limits: limits}, nil)}
		})
		conn := dial(t, zmq, router.Endpoints()[0])
		eventually(t, "there is a session", conn.Ready)
	}
}

// TestClientIsKnownToEachServerByAnotherInstance has each server see a session that ends,
// and the next one.
func TestClientIsKnownToEachServerByAnotherInstance(t *testing.T) {
	zmq, keys := newContext(t), call.NewKeys()
	var seen []string
	for range 3 {
		instances := make(chan string, 100)
		router := serveRaw(t, zmq, tcp, func(kind proto.Message) []frames {
			switch k := kind.(type) {
			case *mitterev1.Hello:
				instances <- string(k.GetInstance())
				return []frames{welcome(rarely)}
			case *mitterev1.Request:
				instances <- string(k.GetKey().GetInstance())
				return []frames{commandOf(&mitterev1.Disconnect{}, nil)}
			default:
				return nil
			}
		})
		conn := dial(t, zmq, router.Endpoints()[0], call.WithKeys(keys))
		_, err := askEcho(patient(t), conn, "nobody")
		wantCode(t, err, messaging.Unavailable)
		first := receive(t, "the hello", instances)
		for range 2 { // the request, and the next hello
			if next := receive(t, "the same instance", instances); next != first || len(next) != 16 {
				t.Errorf("got %x after %x", next, first)
			}
		}
		seen = append(seen, first)
	}
	if slices.Sort(seen); len(slices.Compact(seen)) != 3 {
		t.Errorf("three servers know the client as %x", seen)
	}
}

// TestServerThatDiesInAHandshakeIsNotWaitedFor lets another one follow it, which has
// heard no Hello.
func TestServerThatDiesInAHandshakeIsNotWaitedFor(t *testing.T) {
	zmq := newContext(t)
	heard := make(chan struct{}, 10)
	dying := serveRaw(t, zmq, tcp, func(proto.Message) []frames { heard <- struct{}{}; return nil })
	endpoint := dying.Endpoints()[0]
	conn := dial(t, zmq, endpoint, call.WithHandshake(rarely))
	receive(t, "the hello", heard)
	ok(t, dying.Close())
	serveOn(t, eventuallyBound(t, zmq, endpoint), handlers())
	began := time.Now()
	wantEcho(t, conn, "next")
	soon(t, "the next session", began)
}

// tricks are what a hostile server answers to a request, and what its caller sees:
// one of the codes.
var tricks = []struct {
	name   string
	answer func(id uint64) []frames
	codes  []messaging.Code
}{
	{"nothing but a success", func(id uint64) []frames { return []frames{reply(id, 0)} }, []messaging.Code{messaging.Internal, messaging.OK}},
	{"an item that is not the next", func(id uint64) []frames { return []frames{item(id, 2)} }, []messaging.Code{messaging.DataLoss}},
	{"an item without number", func(id uint64) []frames { return []frames{item(id, 0)} }, []messaging.Code{messaging.DataLoss}},
	{"an item twice", func(id uint64) []frames { return []frames{item(id, 1), item(id, 1), reply(id, 2)} },
		[]messaging.Code{messaging.DataLoss, messaging.Unavailable}},
	{"an end before its items", func(id uint64) []frames { return []frames{item(id, 1), reply(id, 3)} },
		[]messaging.Code{messaging.DataLoss, messaging.Unavailable}},
	{"an item without envelope", func(id uint64) []frames { return []frames{commandOf(&mitterev1.Item{Call: id, Index: 1}, nil)} },
		[]messaging.Code{messaging.Internal}},
	{"an answer of another type", func(id uint64) []frames {
		return []frames{commandOf(&mitterev1.Reply{Call: id}, &testv1.Note{})}
	}, []messaging.Code{messaging.InvalidArgument}},
	{"an envelope that is none", func(id uint64) []frames {
		c := messaging.Command{Kind: &mitterev1.Reply{Call: id}, Body: []byte("garbage")}
		f, _ := c.Frames()
		return []frames{f}
	}, []messaging.Code{messaging.Internal}},
	{"an error of no known code", func(id uint64) []frames {
		return []frames{commandOf(&mitterev1.Reply{Call: id, Status: &mitterev1.Status{Code: 999}}, nil)}
	}, []messaging.Code{999}},
	{"half a command", func(id uint64) []frames { return []frames{{reply(id, 0)[0][:3]}} }, []messaging.Code{messaging.Unavailable}},
	{"a command of another version", func(uint64) []frames { return []frames{{{0x08, 0x02, 0x1a, 0x00}}} }, []messaging.Code{messaging.Unavailable}},
	{"three frames", func(id uint64) []frames { return []frames{slices.Concat(reply(id, 0), reply(id, 0), reply(id, 0))} },
		[]messaging.Code{messaging.Unavailable}},
	{"the end of the session", func(uint64) []frames { return []frames{commandOf(&mitterev1.Disconnect{}, nil)} },
		[]messaging.Code{messaging.Unavailable}},
	{"the end of the session with a code", func(uint64) []frames {
		return []frames{commandOf(&mitterev1.Disconnect{Status: &mitterev1.Status{Code: messaging.PermissionDenied}}, nil)}
	}, []messaging.Code{messaging.Unavailable}},
	{"another answer than the client's own", func(id uint64) []frames {
		return []frames{
			reply(id+1000, 0), item(id+1000, 1), {{0x08, 0x01, 0xa2, 0x01, 0x00}}, // a kind of a later version
			commandOf(&mitterev1.Hello{}, nil), commandOf(&mitterev1.Cancel{Call: id}, nil), commandOf(&mitterev1.Credit{Call: id, Items: 1}, nil),
			commandOf(&mitterev1.Welcome{Session: 2, HeartbeatNano: 1}, nil),
			commandOf(&mitterev1.Reply{Call: id, Status: &mitterev1.Status{Code: messaging.Aborted}}, nil),
			commandOf(&mitterev1.Reply{Call: id, Status: &mitterev1.Status{Code: messaging.Aborted}}, nil),
		}
	}, []messaging.Code{messaging.Aborted}},
}

func TestTricksOfAServerEndInTypedErrors(t *testing.T) {
	for _, test := range tricks {
		t.Run(test.name, func(t *testing.T) {
			zmq := newContext(t)
			router := serveRaw(t, zmq, tcp, welcoming(rarely, test.answer))
			conn := dial(t, zmq, router.Endpoints()[0])
			began := time.Now()
			_, unary := call.Unary[*testv1.NumbersResponse](patient(t), conn, call.ByType(), &testv1.NumbersRequest{})
			var stream error
			for _, err := range askNumbers(patient(t), conn, 0) {
				stream = err
			}
			soon(t, "the end of the calls", began)
			for _, err := range []error{unary, stream} {
				var typed *messaging.Error
				if !isOneOf(err, test.codes...) || err != nil && !errors.As(err, &typed) {
					t.Errorf("got %v of type %T, want one of %v", err, err, test.codes)
				}
			}
			if n := conn.Outstanding(); n != 0 {
				t.Errorf("%d calls are outstanding", n)
			}
		})
	}
}

// What has no answer when a server stops in good order was not executed, unless something
// came of it.
func TestLastWordOfAServerSaysWhatWasNotExecuted(t *testing.T) {
	last := func(refused bool) frames { return commandOf(&mitterev1.Disconnect{Refused: refused}, nil) }
	for name, test := range map[string]struct {
		answer  func(id uint64) []frames
		refused bool
	}{
		"it answered all that it began":  {func(uint64) []frames { return []frames{last(true)} }, true},
		"it does not say":                {func(uint64) []frames { return []frames{last(false)} }, false},
		"it began the call all the same": {func(id uint64) []frames { return []frames{item(id, 1), last(true)} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			zmq := newContext(t)
			router := serveRaw(t, zmq, tcp, welcoming(rarely, test.answer))
			conn := dial(t, zmq, router.Endpoints()[0])
			var last error
			for _, err := range askNumbers(patient(t), conn, 0) {
				last = err
			}
			wantCode(t, last, messaging.Unavailable)
			if messaging.Refused(last) != test.refused {
				t.Errorf("got %v, refused %v", last, messaging.Refused(last))
			}
		})
	}
}

func TestServerThatSendsMoreThanItMayEndsTheSession(t *testing.T) {
	const window = 4
	zmq := newContext(t)
	router := serveRaw(t, zmq, tcp, welcoming(rarely, func(id uint64) (all []frames) {
		for i := range uint64(1000) {
			all = append(all, item(id, i+1))
		}
		return all
	}))
	conn := dial(t, zmq, router.Endpoints()[0])
	eventually(t, "the session has begun", func() bool { return conn.Session() != 0 })
	session := conn.Session()
	var last error
	n := 0
	for _, err := range askNumbers(patient(t), conn, 0, call.WithWindow(window)) {
		if n++; n == 1 {
			eventually(t, "the session is over", func() bool { return conn.Session() != session })
		}
		last = err
	}
	wantCode(t, last, messaging.Unavailable)
	if n > window+3 {
		t.Errorf("%d items were kept for a reader with a window of %d", n, window)
	}
}

func TestDrainedServerRefusesAndItsConnIsNotReady(t *testing.T) {
	onEachTransport(t, func(t *testing.T, endpoint string) {
		depot := newDepot()
		conn, s := pair(t, endpoint, depot.handlers())
		running := call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, storeMethod), &testv1.StoreRequest{})
		receive(t, "the call", depot.begun)
		changed := conn.Changed()
		drained := make(chan error, 1)
		go func() { drained <- s.Drain(patient(t)) }()
		receive(t, "the change", changed)
		eventually(t, "the connection is not ready", func() bool { return !conn.Ready() })
		_, err := askEcho(patient(t), conn, "late")
		wantRefused(t, err, messaging.Unavailable)
		if err := s.Drain(within(t, time.Millisecond)); !isOneOf(err, messaging.DeadlineExceeded) {
			t.Errorf("drained while a call runs: %v", err)
		}
		close(depot.proceed)
		must(running.Wait(patient(t)))(t)
		ok(t, receive(t, "the end of Drain", drained))
	})
}

func TestServerThatStopsTellsItsClientsAtOnce(t *testing.T) {
	onEachTransport(t, func(t *testing.T, endpoint string) {
		depot := newDepot()
		conn, s := pair(t, endpoint, depot.handlers(), reactor.WithHeartbeat(rarely))
		running := call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, storeMethod), &testv1.StoreRequest{})
		receive(t, "the call", depot.begun)
		began := time.Now()
		s.cancel()
		err := eventuallyRefused(t, conn)
		wantRefused(t, err, messaging.Unavailable)
		close(depot.proceed)
		must(running.Wait(patient(t)))(t)
		eventually(t, "the session is over", func() bool { return conn.Err() != nil })
		soon(t, "the end of the session", began)
	})
}

// eventuallyRefused makes calls until one fails.
func eventuallyRefused(t testing.TB, conn *call.Conn) (err error) {
	for err == nil && !t.Failed() {
		_, err = askEcho(within(t, atOnce), conn, "late", call.WithWait(atOnce/2))
		if messaging.CodeOf(err) == messaging.DeadlineExceeded && messaging.Refused(err) {
			err = nil // it waited behind the call that runs
		}
	}
	return err
}

// eventuallyBound binds an endpoint that libzmq gives back soon.
func eventuallyBound(t testing.TB, zmq *comm.Context, endpoint string) (s *messaging.Server) {
	t.Helper()
	eventually(t, "the endpoint is free", func() (free bool) {
		var err error
		s, err = messaging.NewServer(zmq, endpoint)
		return err == nil
	})
	return s
}
