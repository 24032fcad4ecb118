package comm_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/mittere/mittere/comm"
)

// libzmq ends the process if it has no descriptor to look up an address with.
// Therefore this test runs in a process of its own.
func TestProcessWithoutDescriptorsGetsErrorsAndServesOn(t *testing.T) {
	const child = "COMM_TEST_WITHOUT_DESCRIPTORS"
	if os.Getenv(child) != "" {
		surviveWithoutDescriptors(newRig(t))
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	c.Env = append(os.Environ(), child+"=1")
	if output, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, output)
	}
}

func surviveWithoutDescriptors(r *rig) {
	rep := r.response("tcp://127.0.0.1:*")
	r.answer(rep)
	req, other := r.request(at(rep)), r.dealer("tcp://127.0.0.1:*, ipc://*, inproc://here")
	r.wantAnswer(req, "before")
	late := r.dealer("", drop)
	free := r.takeAllDescriptors()
	for _, err := range []error{other.Bind("tcp://127.0.0.1:*"), other.Bind("ipc://*")} {
		r.wantTooMany(err)
	}
	_, err := comm.NewDealer(r.zctx, "tcp://127.0.0.1:*")
	r.wantTooMany(err)
	_, err = comm.AcquirePort("")
	r.wantTooMany(err)
	r.wantAnswer(req, "meanwhile")
	// libzmq needs a descriptor even to end something.
	if err := other.Unbind(at(other)); err != nil {
		r.wantTooMany(err)
	}
	if err := other.Disconnect("tcp://127.0.0.1:1"); !errors.Is(err, comm.AddressUnavailable) {
		r.wantTooMany(err)
	}
	free()
	r.ok(other.Unbind(at(other)))
	r.ok(late.Connect(at(rep)))
	r.send(late, "after")
	r.want(late, "after")
}

// wantTooMany checks that an error is that of a process without descriptors.
func (r *rig) wantTooMany(err error) {
	r.Helper()
	if err == nil || !strings.Contains(err.Error(), "too many open files") {
		r.Errorf("the error is %v", err)
	}
}

// takeAllDescriptors leaves no descriptor until it is told to free them.
func (r *rig) takeAllDescriptors() (free func()) {
	limit := syscall.Rlimit{}
	r.ok(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = min(limit.Cur, 512)
	r.ok(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	var taken []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		taken = append(taken, f)
	}
	return func() {
		for _, f := range taken {
			r.ok(f.Close())
		}
	}
}
