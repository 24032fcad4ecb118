//go:build interop

package interop_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

const (
	// patience is how long a test waits for an answer. It is longer than that of
	// peer.py, whose errors say more.
	patience = 25 * time.Second

	// startPatience is how long a peer may take to start, on a machine that has
	// other things to do.
	startPatience = time.Minute

	// endPatience is how long a peer may take to end before it is killed.
	endPatience = 10 * time.Second
)

// process is the running program. It is shared by the peers of a test and its
// subtests.
type process struct {
	command *exec.Cmd
	input   io.WriteCloser
	errors  bytes.Buffer  // standard error; read after the end
	reading chan struct{} // closed when no more answers come

	mu      sync.Mutex
	waiting []chan []byte // a place for each answer, in order
}

// startPeer starts a process with dīvidere that ends with the test. It does not know
// the schema files that are left out.
func startPeer(t testing.TB, leftOut ...string) *peer {
	t.Helper()
	return startPython(t, append([]string{"python/peer.py", imageFile}, leftOut...)...)
}

// startPython starts a program that reads commands (python/commands.py) and ends with
// the test.
func startPython(t testing.TB, arguments ...string) *peer {
	t.Helper()
	p := &process{reading: make(chan struct{})}
	p.command = exec.Command(os.Getenv(pythonVariable), arguments...)
	p.command.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	p.command.Stderr = &p.errors
	input, err := p.command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.input = input
	ready := p.expect()
	if err := p.command.Start(); err != nil {
		t.Fatalf("start Python: %v. Run: make interop", err)
	}
	t.Cleanup(func() { p.stop(t) })
	go p.read(output)
	started := &peer{t: t, process: p}
	(&pending{peer: started, op: "start", answer: ready, patience: startPatience}).end(nil)
	return started
}

// expect adds a place for one more answer.
func (p *process) expect() chan []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	place := make(chan []byte, 1)
	p.waiting = append(p.waiting, place)
	return place
}

// read hands out the answers until there are no more.
func (p *process) read(output io.Reader) {
	defer close(p.reading)
	for lines := bufio.NewReader(output); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		p.deliver(line)
	}
}

// deliver gives an answer to whom it belongs.
func (p *process) deliver(line []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) > 0 {
		p.waiting[0] <- line
		p.waiting = p.waiting[1:]
	}
}

// stop ends the process, by force if it does not end, and shows what it wrote if
// the test failed.
func (p *process) stop(t testing.TB) {
	_ = p.input.Close() // the end of the input is the sign to end
	kill := time.AfterFunc(endPatience, func() {
		t.Error("the peer did not end and is killed")
		_ = p.command.Process.Kill()
	})
	defer kill.Stop()
	<-p.reading
	if err := p.command.Wait(); err != nil {
		t.Error("the peer ended: ", err)
	}
	if t.Failed() && p.errors.Len() > 0 {
		t.Logf("standard error of the peer:\n%s", p.errors.Bytes())
	}
}
