//go:build unix

package native

import (
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/mittere/mittere/comm/internal/engine"
)

// A process without descriptors does not accept, says so, does not keep a processor busy,
// and accepts when it has some again.
func TestListenerWithoutDescriptorsBacksOffAndRecovers(t *testing.T) {
	const child = "NATIVE_TEST_WITHOUT_DESCRIPTORS"
	if os.Getenv(child) != "" {
		outOfDescriptors(newRig(t))
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	c.Env = append(os.Environ(), child+"=1")
	if output, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, output)
	}
}

func outOfDescriptors(r *rig) {
	pull := r.socket(config(engine.Pull), anyPort)
	c, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	r.ok(err)
	free := takeDescriptors(r)
	address := pull.binds[0].listener.Addr().(*net.TCPAddr)
	r.ok(syscall.Connect(c, &syscall.SockaddrInet4{Port: address.Port, Addr: [4]byte{127, 0, 0, 1}}))
	r.eventually("accepting failed", func() bool { return pull.Stats().FailedAccepts > 2 })
	r.wantLogged("could not be accepted")
	free()
	r.send(r.socket(config(engine.Push), at(pull)), "after")
	r.want(pull, "after")
	if n := pull.Stats().FailedAccepts; n > 100 {
		r.Errorf("it failed %d times: it does not back off", n)
	}
	r.ok(syscall.Close(c))
}

// takeDescriptors leaves no descriptor until it is told to free them.
func takeDescriptors(r *rig) (free func()) {
	limit := syscall.Rlimit{}
	r.ok(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = min(limit.Cur, 256)
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
			_ = f.Close()
		}
	}
}
