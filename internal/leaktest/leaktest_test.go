package leaktest

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// needProc skips a test of what can be seen only where there is a /proc.
func needProc(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/thread-self"); err != nil {
		t.Skip("descriptors and threads are looked for in /proc: ", err)
	}
}

func TestGoroutineIsReportedUntilItEnds(t *testing.T) {
	p := goroutines()
	stop, ended := make(chan struct{}), make(chan struct{})
	go forgotten(stop, ended)
	wantLeft(t, p, "leaktest.forgotten")
	close(stop)
	<-ended
	wantNothingLeft(t, p)
}

func forgotten(stop <-chan struct{}, ended chan<- struct{}) {
	<-stop
	close(ended)
}

func TestDescriptorIsReportedUntilItIsClosed(t *testing.T) {
	needProc(t)
	kinds := map[string]func(t *testing.T) (closeAll func()){
		"socket:": openSocket,
		"pipe:":   openPipe,
		"/held":   openFile,
	}
	for target, open := range kinds {
		t.Run(target, func(t *testing.T) {
			p := descriptors()
			closeAll := open(t)
			wantLeft(t, p, target)
			closeAll()
			wantNothingLeft(t, p)
		})
	}
}

func openSocket(t *testing.T) func() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return func() { l.Close() }
}

func openPipe(t *testing.T) func() {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return func() { r.Close(); w.Close() }
}

func openFile(t *testing.T) func() {
	f, err := os.Create(t.TempDir() + "/held")
	if err != nil {
		t.Fatal(err)
	}
	return func() { f.Close() }
}

func TestNetpollerIsNoLeak(t *testing.T) {
	p := descriptors()
	openSocket(t)()
	wantNothingLeft(t, p)
}

func TestLibzmqThreadIsReportedUntilItEnds(t *testing.T) {
	needProc(t)
	p := threads()
	stop := make(chan struct{})
	named := make(chan error)
	go imitateLibzmq(named, stop)
	if err := <-named; err != nil {
		close(stop)
		t.Fatal(err)
	}
	wantLeft(t, p, "ZMQbg/IO/0")
	close(stop)
	wantNothingLeft(t, p)
}

// imitateLibzmq gives its thread such a name as libzmq's have, until stop. The
// name is taken back because Go keeps its first thread for ever.
func imitateLibzmq(named chan<- error, stop <-chan struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const comm = "/proc/thread-self/comm"
	before, _ := os.ReadFile(comm)
	named <- os.WriteFile(comm, []byte("ZMQbg/IO/0"), 0)
	<-stop
	_ = os.WriteFile(comm, before, 0)
}

func TestContextIsReportedUntilItIsClosed(t *testing.T) {
	profile := pprof.Lookup(ContextProfile)
	if profile == nil {
		profile = pprof.NewProfile(ContextProfile)
	}
	p := contexts()
	wantNothingLeft(t, p)
	opened := new(int)
	profile.Add(opened, 0)
	wantLeft(t, p, "TestContextIsReportedUntilItIsClosed")
	profile.Remove(opened)
	wantNothingLeft(t, p)
}

// tests stands in for *testing.M.
type tests func() int

func (f tests) Run() int { return f() }

func TestRunFailsPassedTestsThatLeak(t *testing.T) {
	needProc(t)
	var closeAll func()
	var report strings.Builder
	code := run(tests(func() int { closeAll = openPipe(t); return 0 }), &report, 0)
	closeAll()
	if code != 1 || !strings.Contains(report.String(), "descriptors left open:") {
		t.Errorf("exit code %d and report %q, want 1 and the pipe", code, report.String())
	}
}

func TestRunKeepsTheExitCodeOfTests(t *testing.T) {
	for _, want := range []int{0, 1, 2} {
		t.Run(fmt.Sprint(want), func(t *testing.T) {
			var report strings.Builder
			code := run(tests(func() int { return want }), &report, time.Second)
			if code != want || report.Len() > 0 {
				t.Errorf("exit code %d and report %q, want %d and nothing", code, report.String(), want)
			}
		})
	}
}

func TestRunWaitsForWhatEndsLate(t *testing.T) {
	var report strings.Builder
	late := tests(func() int {
		closeAll := openPipe(t)
		time.AfterFunc(50*time.Millisecond, closeAll)
		return 0
	})
	if code := run(late, &report, time.Minute); code != 0 {
		t.Errorf("exit code %d: %s", code, report.String())
	}
}

func wantLeft(t *testing.T, p probe, text string) {
	t.Helper()
	if left := p.left(); !strings.Contains(left, text) {
		t.Errorf("%s left: %q, want one with %q", p.what, left, text)
	}
}

func wantNothingLeft(t *testing.T, p probe) {
	t.Helper()
	for _, leak := range await([]probe{p}, time.Minute) {
		t.Error(leak)
	}
}
