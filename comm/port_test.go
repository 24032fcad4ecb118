package comm_test

import (
	"net"
	"testing"

	"github.com/mittere/mittere/comm"
)

// acquire acquires a port that is given up at the test's end, if nobody has it.
func (r *rig) acquire() *comm.Port {
	r.Helper()
	p, err := comm.AcquirePort("")
	p = must(r, p, err)
	r.Cleanup(func() { r.ok(p.Close()) })
	return p
}

func TestAcquiredPortsAreAllDifferent(t *testing.T) {
	r := newRig(t)
	seen := map[int]bool{}
	for range 20 {
		if n := r.acquire().Number(); seen[n] {
			t.Fatalf("port %d was acquired twice", n)
		} else {
			seen[n] = true
		}
	}
}

func TestAcquiredPortIsHeldUntilItIsUsed(t *testing.T) {
	r := newRig(t)
	p := r.acquire()
	_, err := comm.NewPull(r.zctx, "@"+p.Endpoint())
	r.wantError(err, comm.AddressInUse)
	pull := r.pull("")
	r.ok(pull.BindPort(p))
	if at(pull) != p.Endpoint() {
		t.Fatalf("bound to %v, want %v", at(pull), p.Endpoint())
	}
	r.send(r.push(p.Endpoint()), "over the port")
	r.want(pull, "over the port")
}

func TestSocketThatBoundAPortBindsOthersToo(t *testing.T) {
	r := newRig(t)
	pull := r.pull("")
	r.ok(pull.BindPort(r.acquire()))
	r.ok(pull.Bind("tcp://127.0.0.1:*"))
	r.ok(pull.BindPort(r.acquire()))
	for _, endpoint := range pull.Endpoints() {
		r.send(r.push(endpoint), endpoint)
		r.want(pull, endpoint)
	}
}

func TestPortThatWasGivenAwayOrClosedCannotBeBound(t *testing.T) {
	r := newRig(t)
	p := r.acquire()
	r.ok(r.pull("").BindPort(p))
	r.wantError(r.pull("").BindPort(p), comm.AddressUnavailable)
	closed := r.acquire()
	r.ok(closed.Close())
	r.ok(closed.Close())
	r.wantError(r.pull("").BindPort(closed), comm.AddressUnavailable)
}

func TestPortStaysTheCallersWhenItCannotBeBound(t *testing.T) {
	r := newRig(t)
	p := r.acquire()
	pull := r.pull("")
	r.ok(pull.Close())
	r.wantError(pull.BindPort(p), net.ErrClosed)
	r.ok(r.pull("").BindPort(p))
}

func TestPortOfAnAddressThatIsNotOursCannotBeAcquired(t *testing.T) {
	_, err := comm.AcquirePort("192.0.2.1") // of a network for documents
	newRig(t).wantError(err, comm.AddressUnavailable)
}
