package comm_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
)

// What libzmq takes for all interfaces, though it is not written so.
func TestAllInterfacesAreSeenHoweverTheyAreWritten(t *testing.T) {
	for _, host := range []string{"*", "0.0.0.0", "0", "0x0", "0.0"} {
		var log bytes.Buffer
		r := newRig(t, comm.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		r.ok(r.dealer("").Bind("tcp://" + host + ":*"))
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("%s: %d warnings, want 1: %s", host, n, log.String())
		}
	}
}

func TestPortsAreHeldToTheirRange(t *testing.T) {
	for _, port := range []string{"65536", "99999", "-1", "http", "+1"} { // to libzmq other ports, or no error
		for _, prefix := range []string{"@", ">"} {
			_, err := comm.ParseEndpoints(comm.KindDealer, prefix+"tcp://127.0.0.1:"+port)
			(&rig{TB: t}).wantError(err, comm.Invalid)
		}
	}
	_, err := comm.ParseEndpoints(comm.KindDealer, ">tcp://127.0.0.1:0")
	(&rig{TB: t}).wantError(err, comm.Invalid)
}

func TestFailedBindsGiveTheRealReason(t *testing.T) {
	r := newRig(t)
	for endpoint, text := range map[string]string{
		"tcp://nowhere.invalid:*":                "names of hosts are not looked up to bind",
		"ipc:///tmp/" + strings.Repeat("x", 200): "file name too long",
		"ipc:///nowhere/at/all":                  "no such file",
	} {
		if err := r.router("").Bind(endpoint); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%.30s: %v, want %s", endpoint, err, text)
		}
	}
}

func TestDisconnectedPeersReceiveNothing(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a, b := r.pull(bind), r.pull(elsewhere(bind))
		push := r.push(at(a))
		r.send(push, "1")
		r.want(a, "1")
		r.ok(push.Disconnect(at(a)))
		r.wantError(push.Disconnect(at(a)), comm.AddressUnavailable)
		r.ok(push.Connect(at(b)))
		for range 10 {
			r.send(push, "2")
			r.want(b, "2")
		}
	})
}

func TestBindStopsAtTheFirstEndpointThatFails(t *testing.T) {
	r := newRig(t)
	d := r.dealer("")
	r.router("inproc://taken")
	r.wantError(d.Bind("inproc://first, inproc://taken, inproc://last"), comm.AddressInUse)
	if got := d.Endpoints(); !slices.Equal(got, []string{"inproc://first"}) {
		t.Errorf("bound to %q", got)
	}
}

func TestHostNamesAreConnectedTo(t *testing.T) {
	r := newRig(t)
	pull := r.pull("tcp://localhost:*")
	r.send(r.push(strings.Replace(at(pull), "127.0.0.1", "localhost", 1)), "x")
	r.want(pull, "x")
}

func TestDefaultsHold(t *testing.T) {
	r := newRig(t)
	d := r.dealer("@inproc://here")
	tooLong := comm.NewMessage(make([]byte, comm.DefaultMaxFrameSize+1))
	r.wantError(d.Send(r.ctx, tooLong), comm.TooLarge)
	other := r.dealer(at(d))
	r.send(other, strings.Split(strings.Repeat("x", comm.DefaultMaxFrames+1), "")...)
	_, err := d.Recv(r.ctx)
	r.wantError(err, comm.TooLarge)
	r.wantRoomFor(r.push("ipc://"+t.TempDir()+"/nobody", drop), comm.DefaultHighWaterMark)
}

// wantRoomFor checks how many messages a socket takes whose peer takes none.
func (r *rig) wantRoomFor(s waitingSender, room int) {
	r.Helper()
	batch := make([]comm.Message, room+1)
	for i := range batch {
		batch[i] = message("x")
	}
	ctx, stop := context.WithCancel(r.ctx)
	result := make(chan error, 1)
	r.spawned.Go(func() {
		_, err := s.SendBatch(ctx, batch)
		result <- err
	})
	r.eventually("the sender waits", func() bool { _, n := s.Waiting(); return n == 1 })
	r.wantStopped(sending{stop, result})
	if sent := s.Stats().Sent; sent != uint64(room) {
		r.Errorf("there was room for %d messages, want %d", sent, room)
	}
}

func TestRoutingIDIsWhatARouterSees(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		router := r.router(bind)
		for _, id := range []string{"ann", "\xff\x00", strings.Repeat("x", 255)} {
			d := r.dealer(at(router), comm.WithRoutingID(id))
			r.introduce(router, d, id)
			r.send(router, id, "hello")
			r.want(d, "hello")
		}
		r.send(r.dealer(at(router)), "anonymous")
		if got := r.recv(router); len(got[0]) != 5 || got[0][0] != 0 {
			t.Errorf("the router made up the name %q", got[0])
		}
	})
}

// What users see most often, in full.
func TestErrorsOfSocketsReadWell(t *testing.T) {
	r := newRig(t)
	d, closed := r.dealer("", small), r.dealer("")
	r.ok(closed.Close())
	_, recvErr := closed.Recv(r.ctx)
	_, parseErr := comm.NewDealer(r.zctx, "nonsense, udp://x:1")
	_, optionErr := comm.NewDealer(r.zctx, "", comm.WithMaxFrames(-1))
	for want, err := range map[string]error{
		"comm: receive: closed": recvErr,
		"comm: send: closed":    closed.Send(r.ctx, message("x")),
		"comm: connect inproc://x: says the opposite: invalid argument":                d.Connect("@inproc://x"),
		"comm: send a message without frames: invalid argument":                        d.Send(r.ctx, comm.Message{}),
		"comm: send a frame of 1025 bytes, maximum 1024: message too large":            d.Send(r.ctx, message(long)),
		"comm: option maximum number of frames -1: must be positive: invalid argument": optionErr,
		`comm: endpoint "nonsense": want transport://address, such as tcp://127.0.0.1:5555: invalid argument` + "\n" +
			`comm: endpoint "udp://x:1": transport is none of tcp, ipc and inproc: invalid argument`: parseErr,
	} {
		if fmt.Sprint(err) != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestErrorsOfEndedContextsSayWhy(t *testing.T) {
	r := newRig(t)
	d := r.dealer("")
	with, cancel := context.WithCancelCause(r.ctx)
	cancel(io.ErrUnexpectedEOF)
	late, stop := context.WithTimeout(r.ctx, -time.Second)
	defer stop()
	because, stop := context.WithTimeoutCause(r.ctx, -time.Second, io.ErrNoProgress)
	defer stop()
	for want, ctx := range map[string]context.Context{
		"context canceled: unexpected EOF":                       with,
		"context deadline exceeded":                              late,
		"context deadline exceeded: " + io.ErrNoProgress.Error(): because,
	} {
		_, err := d.Recv(ctx)
		r.wantError(err, comm.Ended)
		r.wantError(err, ctx.Err())
		r.wantError(err, context.Cause(ctx))
		if err.Error() != "comm: receive: context ended: "+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestContextsTellTheirEngine(t *testing.T) {
	for _, e := range engines {
		zctx, err := comm.NewContext(comm.WithEngine(e))
		must(t, zctx, err)
		if got := zctx.Engine(); got.Name() != e.Name() || !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(got.Version()) {
			t.Errorf("the engine %s tells that it is %s %q", e.Name(), got.Name(), got.Version())
		}
		(&rig{TB: t}).ok(zctx.Close())
	}
}
