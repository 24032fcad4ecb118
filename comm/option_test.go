package comm_test

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
)

// handle is a handler of logs that only calls a function.
type handle func()

func (h handle) Enabled(context.Context, slog.Level) bool  { return true }
func (h handle) Handle(context.Context, slog.Record) error { h(); return nil }
func (h handle) WithAttrs([]slog.Attr) slog.Handler        { return h }
func (h handle) WithGroup(string) slog.Handler             { return h }

func TestWrongOptionsAreReportedAllAtOnce(t *testing.T) {
	r := newRig(t)
	wrong := map[string]comm.Option{
		"linger -1ns":            comm.WithLinger(-1),
		"linger 1000h":           comm.WithLinger(1000 * time.Hour),
		"keep-alive 1ms":         comm.WithKeepAlive(time.Millisecond, time.Second),
		"keep-alive 2s, 1s":      comm.WithKeepAlive(2*time.Second, time.Second),
		"frame size 0":           comm.WithMaxFrameSize(0),
		"frame size 100":         comm.WithMaxFrameSize(100),
		"number of frames 0":     comm.WithMaxFrames(0),
		"high-water mark 0":      comm.WithHighWaterMark(0),
		"high-water mark 429496": comm.WithHighWaterMark(math.MaxUint32 + 1),
		`routing id ""`:          comm.WithRoutingID(""),
		`routing id "\x00a"`:     comm.WithRoutingID("\x00a"),
		`routing id "xxx`:        comm.WithRoutingID(strings.Repeat("x", 256)),
	}
	var all []comm.Option
	for text, option := range wrong {
		_, err := comm.NewDealer(r.zctx, "", option)
		r.wantError(err, comm.Invalid)
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q says nothing of %q", err, text)
		}
		all = append(all, option)
	}
	_, err := comm.NewDealer(r.zctx, "", all...)
	for text := range wrong {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q says nothing of %q", err, text)
		}
	}
	_, err = comm.NewPublisher(r.zctx, "", comm.WithOverflow(comm.Fail+1), comm.WithLinger(-1))
	r.wantError(err, comm.Invalid)
}

func TestWrongOptionsOfAContextAreReportedAllAtOnce(t *testing.T) {
	_, err := comm.NewContext(comm.WithIOThreads(0), comm.WithMaxSockets(1), comm.WithLogger(nil), comm.WithEngine(nil))
	for _, text := range []string{"I/O threads 0", "sockets 1", "logger", "engine"} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v says nothing of %q", err, text)
		}
	}
	for _, option := range []comm.ContextOption{
		comm.WithIOThreads(-1), comm.WithIOThreads(1e6), comm.WithMaxSockets(math.MaxUint32 + 2),
	} {
		_, err := comm.NewContext(option)
		(&rig{TB: t}).wantError(err, comm.Invalid)
	}
}

func TestLimitsAreAccepted(t *testing.T) {
	r := newRig(t, comm.WithIOThreads(2), comm.WithMaxSockets(100))
	r.dealer("@inproc://here", comm.WithLinger(0), comm.WithKeepAlive(0, 0), comm.WithMaxFrameSize(1024), comm.WithMaxFrames(1),
		comm.WithHighWaterMark(1), comm.WithRoutingID(strings.Repeat("x", 255)), comm.WithImmediate(false))
	r.dealer("@inproc://there", comm.WithLinger(math.MaxInt32*time.Millisecond), comm.WithHighWaterMark(math.MaxInt32),
		comm.WithKeepAlive(32767*time.Second, 32767*time.Second), comm.WithMaxFrameSize(math.MaxInt64)).Close()
}

func TestSocketsAreBoundedByTheContext(t *testing.T) {
	r := newRig(t, comm.WithMaxSockets(10))
	made := 0
	for ; made <= 10; made++ {
		if _, err := comm.NewDealer(r.zctx, ""); err != nil {
			r.wantError(err, comm.Internal)
			break
		}
	}
	if made < 2 || made > 10 {
		t.Errorf("made %d sockets where 10 are the most", made)
	}
}
