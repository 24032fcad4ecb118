package broker_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/mittere/mittere/internal/faulttest"
)

// forwarder passes connections on until it is told to lose them: then it swallows what
// comes and says nothing to either end, as a network does whose cable was cut.
type forwarder struct {
	listener net.Listener
	to       string
	passing  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	live  []*passage
	conns []net.Conn // all that were ever open
	ended bool
}

// passage is one connection to the broker, by way of a forwarder.
type passage struct{ lost bool }

// forward returns a forwarder to an endpoint, until the test ends.
func forward(t testing.TB, endpoint string) *forwarder {
	t.Helper()
	f := &forwarder{listener: must(net.Listen("tcp", "127.0.0.1:0"))(t), to: strings.TrimPrefix(endpoint, "tcp://")}
	f.passing.Go(f.accept)
	t.Cleanup(f.close)
	return f
}

// endpoint returns where the forwarder listens.
func (f *forwarder) endpoint() string { return "tcp://" + f.listener.Addr().String() }

// accept takes connections.
func (f *forwarder) accept() {
	for {
		from, err := f.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", f.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		p := new(passage)
		if !f.keep(p, from, to) {
			return
		}
		f.passing.Go(func() { f.pass(p, from, to) })
		f.passing.Go(func() { f.pass(p, to, from) })
	}
}

// keep notes a connection; false means that all have ended.
func (f *forwarder) keep(p *passage, ends ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		for _, c := range ends {
			_ = c.Close()
		}
		return false
	}
	f.live = append(f.live, p)
	f.conns = append(f.conns, ends...)
	return true
}

// pass passes on bytes, and their end, unless the connection is lost.
func (f *forwarder) pass(p *passage, from, to net.Conn) {
	for buffer := make([]byte, 64<<10); ; {
		n, err := from.Read(buffer)
		f.mu.Lock()
		lost := p.lost
		f.mu.Unlock()
		switch {
		case !lost && err != nil:
			_ = to.Close()
			return
		case !lost:
			_, err = to.Write(buffer[:n]) // an error is read as well
			_ = err
		case err != nil:
			_, _ = io.Copy(io.Discard, from)
			return
		}
	}
}

// lose loses all connections, and returns how many. New ones are passed on.
func (f *forwarder) lose() (lost int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.live {
		p.lost = true
	}
	lost, f.live = len(f.live), nil
	return lost
}

// close ends all connections.
func (f *forwarder) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	f.ended = true
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.mu.Unlock()
	f.passing.Wait()
}

// TestFaultConnectionsAreLostWithoutAWord cuts the way of all workers, and then of all
// clients: nobody is told, so that only heartbeats tell.
func TestFaultConnectionsAreLostWithoutAWord(t *testing.T) {
	var ways []*forwarder // of workers, and of clients
	f := startFleet(t, heartbeat, func(endpoint string) string {
		ways = append(ways, forward(t, endpoint))
		return ways[len(ways)-1].endpoint()
	})
	sessions := f.held().Sessions
	cuts, turn, lost := 0, 0, 0
	tr := drive(f, func() {
		cuts = faulttest.Again(t, func() {
			turn++
			joined := f.held().Stats.Counters.Registered
			lost += ways[turn%2].lose()
			if turn%2 == 0 { // taken for dead, or they come back before that in place of those that they were
				eventually(t, "the workers come back", func() bool { return f.held().Stats.Counters.Registered >= joined+fleetWorkers })
			}
			f.awaitWorkers()
		})
	})
	tr.report(t, f, cuts, "all connections of workers, or of clients, were lost without a word")
	t.Logf("%d connections were lost", lost)
	if lost == 0 {
		t.Error("no connection was lost, want some")
	}
	eventually(t, "the broker forgets those that were lost", func() bool { return f.held().Sessions <= sessions })
}
