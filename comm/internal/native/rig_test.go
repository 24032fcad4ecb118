package native

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
	"github.com/mittere/mittere/comm/internal/zmtp"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// rig is a context for sockets with what it logs, and a context for calls.
type rig struct {
	testing.TB
	engine engine.Context
	ctx    context.Context
	log    *syncBuffer
}

func newRig(t testing.TB) *rig {
	t.Helper()
	log := &syncBuffer{}
	made, err := Engine.NewContext(engine.ContextConfig{
		Log: slog.New(slog.NewTextHandler(log, nil)), Resolver: net.DefaultResolver, MaxSockets: 1000,
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r := &rig{TB: t, engine: made, ctx: ctx, log: log}
	r.ok(err)
	t.Cleanup(func() { cancel(); r.ok(made.Close()) })
	return r
}

// syncBuffer is a buffer that any number of goroutines use.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// config returns what sockets of a pattern are made with usually.
func config(p engine.Pattern) engine.Config {
	return engine.Config{
		Pattern: p, Kind: strings.ToLower(string(socketTypes[p])), HighWaterMark: 1000, MaxFrameSize: 64 << 20, MaxFrames: 1024,
		Linger: time.Second, IPCMode: 0o600, KeepAliveInterval: 2 * time.Second, KeepAliveTimeout: 6 * time.Second,
	}
}

// socket returns a socket at endpoints: those that begin with "@" are bound.
func (r *rig) socket(c engine.Config, endpoints ...string) *socket {
	r.Helper()
	var list []engine.Endpoint
	for _, e := range endpoints {
		list = append(list, parse(e))
	}
	s, err := r.engine.NewSocket(c, list)
	r.ok(err)
	r.Cleanup(func() { r.ok(s.Close()) })
	return s.(*socket)
}

func parse(text string) engine.Endpoint {
	rest, binds := strings.CutPrefix(text, "@")
	transport, address, _ := strings.Cut(rest, "://")
	return engine.Endpoint{Transport: engine.Transport(transport), Address: address, Binds: binds}
}

// anyPort is where a test binds.
const anyPort = "@tcp://127.0.0.1:*"

// at returns where a socket is bound.
func at(s *socket) string { return s.Endpoints()[0] }

func (r *rig) send(s *socket, texts ...string) {
	r.Helper()
	r.ok(s.Send(r.ctx, engine.Message{Frames: frames(texts...)}))
}

func (r *rig) recv(s *socket) []string {
	r.Helper()
	m, err := s.Recv(r.ctx)
	r.ok(err)
	var texts []string
	for _, frame := range m.Frames {
		texts = append(texts, string(frame))
	}
	return texts
}

func (r *rig) want(s *socket, texts ...string) {
	r.Helper()
	if got := r.recv(s); !slices.Equal(got, texts) {
		r.Fatalf("received %.100q, want %.100q", got, texts)
	}
}

// eventually waits for what nothing announces.
func (r *rig) eventually(what string, happened func() bool) {
	r.Helper()
	for !happened() {
		if r.ctx.Err() != nil {
			r.Fatalf("waited too long: %s", what)
		}
		time.Sleep(time.Millisecond) // between two looks
	}
}

// raw is a peer that says what a test wants.
type raw struct {
	*rig
	net.Conn
}

// dial connects a raw peer, which has said nothing yet.
func (r *rig) dial(s *socket) *raw {
	r.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(at(s), "tcp://"))
	r.ok(err)
	r.ok(c.SetDeadline(time.Now().Add(patience)))
	r.Cleanup(func() { _ = c.Close() })
	return &raw{r, c}
}

// ready returns all that a peer says before its first message.
func ready(kind zmtp.SocketType, identity string) []byte {
	h, err := zmtp.NewHandshake(zmtp.Config{Type: kind, Identity: []byte(identity)})
	if err != nil {
		panic(err)
	}
	other, _ := zmtp.NewHandshake(zmtp.Config{Type: kind})
	_, said, err := h.Feed(other.Start(nil), h.Start(nil))
	if err != nil {
		panic(err)
	}
	return said
}

// dialReady connects a raw peer that has shaken hands.
func (r *rig) dialReady(s *socket, kind zmtp.SocketType, identity string) *raw {
	r.Helper()
	c := r.dial(s)
	c.say(ready(kind, identity))
	c.hear(64) // the greeting
	size := c.hear(2)[1]
	c.hear(int(size))
	return c
}

// say writes.
func (c *raw) say(b []byte) {
	c.Helper()
	if _, err := c.Write(b); err != nil {
		c.Fatal("the connection is closed: ", err)
	}
}

// hear reads that many bytes.
func (c *raw) hear(n int) []byte {
	c.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(c.Conn, b); err != nil {
		c.Fatal("reading: ", err)
	}
	return b
}

// wantClosed waits until the other end has closed the connection.
func (c *raw) wantClosed() {
	c.Helper()
	_, err := io.Copy(io.Discard, c.Conn)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		c.Fatal("the connection stays open")
	}
}

// wantLogged waits until the log has a text.
func (r *rig) wantLogged(text string) {
	r.Helper()
	r.eventually(fmt.Sprintf("%q is logged", text), func() bool { return strings.Contains(r.log.String(), text) })
}
