package messaging_test

import (
	"runtime"
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/internal/command/commandtest"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// serverWithPeer returns a server and a dealer of comm that writes to it whatever
// it likes. Released frames are overwritten.
func serverWithPeer(t *testing.T, at string) (*messaging.Server, *comm.Dealer) {
	t.Helper()
	zmq := newContext(t, comm.WithPoison())
	server := must(messaging.NewServer(zmq, at))(t)
	return server, must(comm.NewDealer(zmq, of(server)))(t)
}

// raw sends frames as they are.
func raw(t testing.TB, d *comm.Dealer, frames ...[]byte) {
	t.Helper()
	if err := d.Send(patient(t), comm.NewMessage(frames...)); err != nil {
		t.Fatal(err)
	}
}

// goldenCommand returns the frames of golden bytes, and what they mean.
func goldenCommand(t testing.TB, name string) ([][]byte, messaging.Command) {
	t.Helper()
	for _, v := range commandtest.Read(t).Commands {
		if v.Name == name {
			return v.Frames, messaging.Command{Kind: commandtest.KindOf(v.Stock(t)), Body: v.Body}
		}
	}
	t.Fatalf("no golden command %q", name)
	return nil, messaging.Command{}
}

// arrived returns the next delivery; any error fails the test.
func arrived(t testing.TB, from messaging.Source) *messaging.Delivery {
	t.Helper()
	return must(from.Recv(patient(t)))(t)
}

// answered checks that the next message of a dealer is a command behind a route.
func answered(t testing.TB, d *comm.Dealer, route [][]byte, want messaging.Command) {
	t.Helper()
	m := must(d.Recv(patient(t)))(t)
	if len(m.Frames) < len(route) {
		t.Fatalf("got %d frames, want a route of %d and a command", len(m.Frames), len(route))
	}
	for i, frame := range route {
		if string(m.Frames[i]) != string(frame) {
			t.Fatalf("got the route % x, want % x", m.Frames[:len(route)], route)
		}
	}
	commandtest.WantSame(t, must(command.Decode(m.Frames[len(route):]))(t), want)
}

func TestServersReceiveCommandsBehindEveryRoute(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		server, dealer := serverWithPeer(t, at())
		back := messaging.Command{Kind: &mitterev1.Heartbeat{Session: 1}}
		for _, route := range [][][]byte{{}, {nil}, {[]byte("id"), nil}, {[]byte("far"), []byte("near"), nil}} {
			for _, name := range []string{"heartbeat", "request", "item-two-frames"} {
				frames, want := goldenCommand(t, name)
				raw(t, dealer, append(append([][]byte{}, route...), frames...)...)
				d := arrived(t, server)
				if d.Command == nil || d.Wrong != nil || d.Type != "" || d.Envelope.Body != nil {
					t.Fatalf("%s behind % x arrived as %v", name, route, d)
				}
				commandtest.WantSame(t, *d.Command, want)
				path, peer := d.ReturnPath(), d.Peer()
				d.Release()
				if peer == "" || path.Peer() != peer {
					t.Errorf("the peer is %q, and %q on the way back", peer, path.Peer())
				}
				send(t, path.SendCommand(patient(t), &back))
				answered(t, dealer, route, back)
			}
		}
	})
}

func TestServersReceivePlainEnvelopesBesideCommands(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		server, dealer := serverWithPeer(t, at())
		command, _ := goldenCommand(t, "heartbeat")
		for i := range 10 {
			raw(t, dealer, frame(t, note(i)))
			raw(t, dealer, command...)
			raw(t, dealer, nil, frame(t, note(i)))
			for _, isCommand := range []bool{false, true, false} {
				d := arrived(t, server)
				if (d.Command != nil) != isCommand {
					t.Fatalf("arrived as %v, want a command: %v", d, isCommand)
				}
				if !isCommand {
					wantEqual(t, must(d.Open())(t), note(i))
					send(t, d.Reply(patient(t), note(i)))
				}
				d.Release()
			}
			for _, frames := range []int{1, 2} {
				if m := must(dealer.Recv(patient(t)))(t); len(m.Frames) != frames {
					t.Fatalf("a plain answer has %d frames, want %d", len(m.Frames), frames)
				}
			}
		}
	})
}

func TestServersAnswerRequestsOfPlainPeers(t *testing.T) {
	zmq := newContext(t)
	server := must(messaging.NewServer(zmq, inprocEndpoint(t)))(t)
	serve(t, server, echo)
	request := must(messaging.NewReq(zmq, of(server)))(t)
	wantEqual(t, must(messaging.Call[*testv1.Note](patient(t), request, note(7)))(t), note(7))
}

func TestRepliesToCommandsAreErrors(t *testing.T) {
	server, dealer := serverWithPeer(t, inprocEndpoint(t))
	for _, name := range []string{"heartbeat", "request"} {
		frames, _ := goldenCommand(t, name)
		raw(t, dealer, append([][]byte{nil}, frames...)...)
		d := arrived(t, server)
		wantCode(t, d.Reply(patient(t), note(1)), messaging.FailedPrecondition)
		wantCode(t, d.ReplyError(patient(t), nil), messaging.FailedPrecondition)
		d.Release()
	}
}

func TestMalformedCommandsArriveWithWhatIsWrong(t *testing.T) {
	server, dealer := serverWithPeer(t, inprocEndpoint(t))
	var wrong uint64
	for _, v := range commandtest.Read(t).Malformed {
		frames := v.Frames
		if !command.Is(frames[0]) {
			continue // a plain message
		}
		raw(t, dealer, frames...)
		d := arrived(t, server)
		wrong++
		if d.Command == nil || d.Command.Kind != nil || d.Command.Body != nil || d.Wrong == nil {
			t.Fatalf("%s arrived as %v", v.Name, d)
		}
		if got := server.Stats().Malformed; got != wrong {
			t.Errorf("%s: %d malformed, want %d", v.Name, got, wrong)
		}
		back := messaging.Command{Kind: &mitterev1.Disconnect{Versions: []uint32{1}}}
		send(t, d.ReturnPath().SendCommand(patient(t), &back))
		answered(t, dealer, nil, back)
	}
	if wrong < 10 {
		t.Errorf("%d malformed commands were tried", wrong)
	}
}

func TestServersDropMalformedPlainMessages(t *testing.T) {
	server, dealer := serverWithPeer(t, inprocEndpoint(t))
	frames, want := goldenCommand(t, "heartbeat")
	for _, bad := range []string{"garbage", "\x08", "\x5a\x02\x08\x03"} {
		raw(t, dealer, nil, []byte(bad))
		_, err := server.Recv(patient(t))
		wantCode(t, err, messaging.InvalidArgument)
		told := must(dealer.Recv(patient(t)))(t)
		e := must(messaging.Decode(told.Frames[1]))(t)
		if status := must(messaging.Open[*mitterev1.Status](&e))(t); status.GetCode() != messaging.InvalidArgument {
			t.Errorf("% x was answered with %v", bad, status)
		}
		raw(t, dealer, frames...)
		commandtest.WantSame(t, *arrived(t, server).Command, want)
	}
}

func TestCommandsAreMalformedWhereNobodySpeaksThem(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		forTargets(t, at, nil, func(t *testing.T, to target) {
			var bad uint64
			for _, v := range commandtest.Read(t).Commands {
				send(t, to.peer(patient(t), comm.NewMessage(v.Frames[:1]...)))
				_, err := to.Recv(patient(t))
				wantCode(t, err, messaging.InvalidArgument)
				bad++
			}
			if got := to.stats().Malformed; got != bad {
				t.Errorf("%d malformed, want %d", got, bad)
			}
			send(t, to.peer(patient(t), comm.NewMessage(frame(t, note(1)))))
			wantNote(t, to, 1)
		})
	})
}

func TestRoutersTellWhoSendsThemACommandAndWaits(t *testing.T) {
	zmq := newContext(t)
	router := must(messaging.NewRouter(zmq, inprocEndpoint(t)))(t)
	dealer := must(comm.NewDealer(zmq, of(router)))(t)
	frames, _ := goldenCommand(t, "hello")
	raw(t, dealer, append([][]byte{nil}, frames...)...)
	_, err := router.Recv(patient(t))
	wantCode(t, err, messaging.InvalidArgument)
	told := must(dealer.Recv(patient(t)))(t)
	e := must(messaging.Decode(told.Frames[1]))(t)
	if status := must(messaging.Open[*mitterev1.Status](&e))(t); status.GetCode() != messaging.InvalidArgument {
		t.Errorf("it was answered with %v", status)
	}
}

func TestCommandsCannotBeSentWhereNothingCan(t *testing.T) {
	zmq := newContext(t)
	pull := must(messaging.NewPull(zmq, inprocEndpoint(t)))(t)
	push := must(messaging.NewPush(zmq, of(pull)))(t)
	send(t, push.Send(patient(t), note(1)))
	path := arrived(t, pull).ReturnPath()
	wantCode(t, path.SendCommand(patient(t), &messaging.Command{Kind: &mitterev1.Drain{}}), messaging.FailedPrecondition)
	if path.Peer() != "" {
		t.Errorf("a pull knows its peer as %q", path.Peer())
	}
}

func TestCommandsThatCannotBeWrittenAreNotSent(t *testing.T) {
	server, dealer := serverWithPeer(t, inprocEndpoint(t))
	frames, _ := goldenCommand(t, "heartbeat")
	raw(t, dealer, frames...)
	path := arrived(t, server).ReturnPath()
	wantCode(t, path.SendCommand(patient(t), &messaging.Command{}), messaging.Internal)
	wantCode(t, path.SendCommand(patient(t), &messaging.Command{Kind: note(1)}), messaging.Internal)
	wantCode(t, path.SendCommand(patient(t), &messaging.Command{Kind: &mitterev1.Cancel{}, Body: make([]byte, server.MaxFrameSize()+1)}), messaging.ResourceExhausted)
	last := messaging.Command{Kind: &mitterev1.Drain{Session: 1}}
	send(t, path.SendCommand(patient(t), &last))
	answered(t, dealer, nil, last)
}

func TestCommandsToPeersThatAreGoneAreUnreachable(t *testing.T) {
	for _, at := range []string{"tcp://127.0.0.1:*", ipcEndpoint(t)} {
		server, dealer := serverWithPeer(t, at)
		frames, _ := goldenCommand(t, "heartbeat")
		raw(t, dealer, frames...)
		path := arrived(t, server).ReturnPath()
		if err := dealer.Close(); err != nil {
			t.Fatal(err)
		}
		if ended := must(server.WaitDisconnect(patient(t), 0))(t); ended != 1 {
			t.Errorf("%d connections ended, want 1", ended)
		}
		// libzmq tells of the end before the socket itself knows.
		drain := &messaging.Command{Kind: &mitterev1.Drain{}}
		err := path.SendCommand(patient(t), drain)
		for ctx := patient(t); !messaging.IsUnreachable(err) && ctx.Err() == nil; {
			runtime.Gosched()
			err = path.SendCommand(ctx, drain)
		}
		if wantCode(t, err, messaging.Unavailable); !messaging.IsUnreachable(err) {
			t.Errorf("got %v, want that the peer is unreachable", err)
		}
	}
}

func TestServersOfAClosedContextSaySo(t *testing.T) {
	server, _ := serverWithPeer(t, inprocEndpoint(t))
	_, err := server.WaitDisconnect(ended(), 0)
	wantCode(t, err, messaging.Cancelled)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = server.WaitDisconnect(patient(t), 0)
	wantCode(t, err, messaging.Unavailable)
	if server.MaxFrameSize() != comm.DefaultMaxFrameSize {
		t.Errorf("frames may have %d bytes", server.MaxFrameSize())
	}
}
