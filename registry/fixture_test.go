package registry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/expect"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry"
)

const (
	// patience ends tests that would hang for ever; nothing is measured with it.
	patience = expect.Patience
	// atOnce is what takes no longer than a slow machine needs, and far less than patience
	// and a third of a long lease.
	atOnce = 10 * time.Second
	// long is a lease whose renewal, after a third of it, is no explanation for
	// what happens at once.
	long = 10 * time.Minute
)

// tcp takes a free port.
const tcp = "tcp://127.0.0.1:*"

// must, ok and eventually are those of all tests; see package expect.
func must[T any](made T, err error) func(testing.TB) T { return expect.Must(made, err) }

var (
	ok         = expect.OK
	eventually = expect.Eventually
)

// newContext returns a context that the end of the test closes.
func newContext(t testing.TB) *comm.Context {
	t.Helper()
	zmq := must(comm.NewContext(comm.WithPoison(), comm.WithLogger(slog.New(slog.DiscardHandler))))(t)
	t.Cleanup(func() { ok(t, zmq.Close()) })
	return zmq
}

// patient returns a context for what must not hang.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// ipcEndpoint returns a path that fits into a socket's address.
func ipcEndpoint(t testing.TB) string {
	dir := must(os.MkdirTemp("", "mittere"))(t)
	t.Cleanup(func() { ok(t, os.RemoveAll(dir)) })
	return "ipc://" + filepath.Join(dir, "socket")
}

// onEachTransport runs a test on tcp, ipc and inproc.
func onEachTransport(t *testing.T, test func(t *testing.T, endpoint string)) {
	for name, endpoint := range map[string]string{"tcp": tcp, "ipc": ipcEndpoint(t), "inproc": "inproc://registry"} {
		t.Run(name, func(t *testing.T) { test(t, endpoint) })
	}
}

// running is a registry that runs.
type running struct {
	*registry.Server
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of Run, once it ended
}

// serve runs a registry until the test ends.
func serve(t testing.TB, zmq *comm.Context, endpoint string, options ...registry.ServerOption) *running {
	t.Helper()
	quiet := registry.WithLogger(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	s := &running{cancel: cancel, ended: make(chan struct{})}
	eventually(t, "libzmq lets go of the port", func() bool {
		var err error
		s.Server, err = registry.NewServer(zmq, endpoint, append([]registry.ServerOption{quiet}, options...)...)
		if !errors.Is(err, comm.AddressInUse) {
			ok(t, err)
		}
		return err == nil
	})
	go func() {
		defer close(s.ended)
		s.err = s.Run(ctx)
	}()
	t.Cleanup(func() { s.stop(t) })
	return s
}

// stop ends the registry and closes its sockets, soon.
func (s *running) stop(t testing.TB) {
	t.Helper()
	began := time.Now()
	s.cancel()
	<-s.ended
	if took := time.Since(began); took >= reactor.DefaultStopTimeout {
		t.Errorf("the end of the registry took %v, want less than what handlers may take that ignore it", took)
	}
	if s.err != nil {
		t.Errorf("Run: %v", s.err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// endpoint returns where the registry listens.
func (s *running) endpoint() string { return s.Endpoints()[0] }

// dial returns a client until the test ends.
func dial(t testing.TB, zmq *comm.Context, endpoint string) *registry.Client {
	t.Helper()
	c := must(registry.NewClient(zmq, endpoint, registry.WithLogger(slog.New(slog.DiscardHandler))))(t)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// pair returns a client of a registry that runs.
func pair(t testing.TB, endpoint string, options ...registry.ServerOption) (*registry.Client, *running) {
	t.Helper()
	zmq := newContext(t)
	s := serve(t, zmq, endpoint, options...)
	return dial(t, zmq, s.endpoint()), s
}

// register registers an instance and waits until it is.
func register(t testing.TB, c *registry.Client, i *mitterev1.Instance, lease time.Duration) *registry.Registration {
	t.Helper()
	r := c.Register(i, lease)
	ok(t, r.Wait(patient(t)))
	return r
}

// follow follows a name and waits until something is known.
func follow(t testing.TB, c *registry.Client, name string) *registry.Follower {
	t.Helper()
	f := c.Follow(name)
	ok(t, f.Wait(patient(t)))
	return f
}

// soon fails the test if something took longer than it must.
func soon(t testing.TB, what string, began time.Time) {
	t.Helper()
	if took := time.Since(began); took > atOnce {
		t.Errorf("%s took %v, want at once", what, took)
	}
}

// wantCode checks that an error is a typed one with this code.
func wantCode(t testing.TB, err error, code messaging.Code) {
	t.Helper()
	var typed *messaging.Error
	if !errors.As(err, &typed) || typed.Code != code {
		t.Fatalf("got %v of type %T, want *messaging.Error with code %v", err, err, code)
	}
}

// keysOf writes entries as "name/id", in order.
func keysOf(entries []*mitterev1.Entry) string {
	var keys []string
	for _, e := range entries {
		keys = append(keys, e.GetInstance().GetName()+"/"+e.GetInstance().GetId())
	}
	return strings.Join(keys, " ")
}

// list returns what the registry holds.
func list(t testing.TB, c *registry.Client) []*mitterev1.Entry {
	t.Helper()
	return must(c.List(patient(t)))(t)
}

// wantList checks what the registry holds.
func wantList(t testing.TB, c *registry.Client, want string) {
	t.Helper()
	if got := keysOf(list(t, c)); got != want {
		t.Fatalf("the registry holds %q, want %q", got, want)
	}
}

// awaitView waits until a follower knows these and no others, and that they are
// up to date.
func awaitView(t testing.TB, f *registry.Follower, want string) {
	t.Helper()
	for deadline := time.After(patience); ; {
		changed := f.Changed()
		v := f.View()
		if v.Live && keysOf(v.Entries) == want {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("the follower knows %q (live: %v), want %q", keysOf(v.Entries), v.Live, want)
		}
	}
}

// has reports whether entries have one of this key.
func has(entries []*mitterev1.Entry, name, id string) bool {
	return slices.ContainsFunc(entries, func(e *mitterev1.Entry) bool {
		return e.GetInstance().GetName() == name && e.GetInstance().GetId() == id
	})
}

// numbered returns n instances of a name.
func numbered(name string, n int) (instances []*mitterev1.Instance) {
	for i := range n {
		instances = append(instances, instance(name, fmt.Sprintf("%05d", i)))
	}
	return instances
}
