package comm_test

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
)

// nameServer is a DNS server that gives every name one address, or is silent.
type nameServer struct {
	net.PacketConn
	address atomic.Pointer[[4]byte] // nil is silence
	only6   atomic.Bool             // every name has the address ::1 only
	asked   chan struct{}           // has something when somebody asked
}

// newNameServer runs a DNS server until the test ends.
func newNameServer(t *testing.T) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	n := &nameServer{PacketConn: must(t, conn, err), asked: make(chan struct{}, 1)}
	t.Cleanup(func() { _ = conn.Close() })
	go n.serve()
	return n
}

// serve answers until the socket is closed.
func (n *nameServer) serve() {
	question := make([]byte, 512)
	for {
		size, from, err := n.ReadFrom(question)
		if err != nil {
			return
		}
		select {
		case n.asked <- struct{}{}:
		default:
		}
		if address := n.address.Load(); address != nil && size > 16 {
			_, _ = n.WriteTo(n.answer(question[:size], *address), from)
		}
	}
}

// answer answers a question for addresses of IPv4 or IPv6.
func (n *nameServer) answer(question []byte, address [4]byte) []byte {
	const a, aaaa = 1, 28
	if !n.only6.Load() {
		return answer(question, a, address[:])
	}
	return answer(question, aaaa, net.IPv6loopback)
}

// answer answers a question for addresses: with this one if it is of the kind that is
// asked for, else with none.
func answer(question []byte, kind byte, address []byte) []byte {
	end := 12
	for question[end] != 0 { // the name
		end += int(question[end]) + 1
	}
	end += 5 // its end, type and class
	answer := append([]byte{}, question[:end]...)
	binary.BigEndian.PutUint16(answer[2:], 0x8180) // an answer
	copy(answer[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
	if question[end-3] != kind {
		return answer
	}
	answer[7] = 1 // of one address
	answer = append(answer, 0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0, byte(len(address)))
	return append(answer, address...)
}

// gives has all names stand for an address.
func (n *nameServer) gives(last byte) { n.address.Store(&[4]byte{127, 0, 0, last}) }

// option has a context look names up there.
func (n *nameServer) option() comm.ContextOption {
	return comm.WithResolver(&net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", n.LocalAddr().String())
	}})
}

// named returns an endpoint with a name in place of its host.
func named(endpoint string) string {
	return "tcp://peer.test" + endpoint[strings.LastIndex(endpoint, ":"):]
}

func TestNameThatIsNotAnsweredStopsNobodyElse(t *testing.T) {
	names := newNameServer(t)
	r := newRig(t, names.option())
	hanging := r.dealer("tcp://peer.test:5555")
	<-names.asked
	pull := r.pull("tcp://127.0.0.1:*")
	r.send(r.push(at(pull)), "x")
	r.want(pull, "x")
	began := time.Now()
	r.ok(hanging.Close())
	if took := time.Since(began); took > 2*time.Second { // of five that the look-up has
		t.Errorf("Close took %v", took)
	}
}

func TestNameIsConnectedToWhenItIsKnown(t *testing.T) {
	names := newNameServer(t)
	r := newRig(t, names.option())
	pull := r.pull("tcp://127.0.0.1:*")
	push := r.push(named(at(pull)))
	<-names.asked
	names.gives(1)
	r.send(push, "x")
	r.want(pull, "x")
	r.ok(push.Disconnect(named(at(pull))))
	r.wantError(push.Disconnect(named(at(pull))), comm.AddressUnavailable)
}

func TestNameThatMovesIsFollowed(t *testing.T) {
	names := newNameServer(t)
	names.gives(1)
	r := newRig(t, names.option())
	before := r.router("tcp://127.0.0.1:*")
	after := r.router("tcp://127.0.0.2" + at(before)[strings.LastIndex(at(before), ":"):])
	dealer := r.dealer(named(at(before)))
	r.send(dealer, "to the first")
	_, err := before.Recv(r.ctx)
	r.ok(err)
	names.gives(2)
	r.ok(before.Close())
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		_, _ = after.Recv(r.ctx)
	}()
	for { // until libzmq has noticed, it takes messages for the first
		r.send(dealer, "to the second")
		select {
		case <-arrived:
			return
		case <-r.ctx.Done():
			t.Fatal(r.ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
