package call_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

const (
	// roleVariable says what a child process is: a server or a client.
	roleVariable = "CALL_TEST_ROLE"
	// taskVariable tells it the rest.
	taskVariable = "CALL_TEST_TASK"
)

// task is what a child process does.
type task struct {
	Endpoint  string
	Heartbeat time.Duration
}

// beChild runs a child process and returns its exit code.
func beChild(role string) int {
	var t task
	err := json.Unmarshal([]byte(os.Getenv(taskVariable)), &t)
	if err == nil {
		err = map[string]func(*comm.Context, task) error{"server": beServer, "client": beClient}[role](childContext(), t)
	}
	fmt.Fprintln(os.Stderr, role, "ended:", err)
	return 1
}

// childContext returns the context of a child, which ends by being killed.
func childContext() *comm.Context {
	zmq, err := comm.NewContext(comm.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	return zmq
}

// beServer serves one call after the other, and says where, and what it executes.
func beServer(zmq *comm.Context, t task) error {
	socket, err := messaging.NewServer(zmq, t.Endpoint)
	if err != nil {
		return err
	}
	h := storing(func(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		fmt.Println("executes", r.GetItem())
		select {
		case <-time.After(time.Duration(r.GetTakesMs()) * time.Millisecond):
			return &testv1.StoreResponse{Times: 1}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	})
	r, err := reactor.New(h, []reactor.Socket{socket}, reactor.WithHeartbeat(t.Heartbeat), reactor.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	fmt.Println("listens", socket.Endpoints()[0])
	return r.Run(context.Background())
}

// beClient stores 1, 2, 3 and so on, and says what comes back.
func beClient(zmq *comm.Context, t task) error {
	conn, err := call.Dial(zmq, t.Endpoint, call.WithHeartbeat(t.Heartbeat))
	if err != nil {
		return err
	}
	for item := uint64(1); ; item++ {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, err := askStore(ctx, conn, item)
		cancel()
		fmt.Println("stored", item, messaging.CodeOf(err))
	}
}

// child is a process that runs until it is killed.
type child struct {
	t       testing.TB
	command *exec.Cmd
	gone    chan struct{}

	mu    sync.Mutex
	lines []string
}

// start starts a child process.
func start(t testing.TB, role string, todo task) *child {
	t.Helper()
	c := &child{t: t, command: exec.Command(os.Args[0]), gone: make(chan struct{})}
	c.command.Env = append(os.Environ(), roleVariable+"="+role, taskVariable+"="+string(must(json.Marshal(todo))(t)))
	c.command.Stderr = os.Stderr
	output := must(c.command.StdoutPipe())(t)
	ok(t, c.command.Start())
	go func() {
		defer close(c.gone)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			c.note(scanner.Text())
		}
		_ = c.command.Wait()
	}()
	t.Cleanup(c.kill)
	return c
}

// startServer starts a server and returns where it listens.
func startServer(t testing.TB, todo task) (c *child, endpoint string) {
	t.Helper()
	c = start(t, "server", todo)
	return c, c.await("listens ")
}

// note keeps a line that the child wrote.
func (c *child) note(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, line)
}

// said returns what the child wrote in lines that begin so.
func (c *child) said(prefix string) (rest []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		if after, found := strings.CutPrefix(line, prefix); found {
			rest = append(rest, after)
		}
	}
	return rest
}

// await waits for a line that begins so, and returns the rest of it.
func (c *child) await(prefix string) string {
	c.t.Helper()
	eventually(c.t, "the child says "+prefix, func() bool { return len(c.said(prefix)) > 0 })
	return c.said(prefix)[0]
}

// signal sends a signal.
func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	ok(c.t, c.command.Process.Signal(s))
}

// halt stops the process as it stands, and returns when all of it does.
func (c *child) halt() {
	c.t.Helper()
	c.signal(syscall.SIGSTOP)
	eventually(c.t, "the child stands still", func() bool {
		stat := string(must(os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.command.Process.Pid)))(c.t))
		_, after, _ := strings.Cut(stat, ") ")
		return strings.HasPrefix(after, "T")
	})
}

// kill ends the process without a warning.
func (c *child) kill() {
	_ = c.command.Process.Signal(syscall.SIGKILL) // it may be dead
	<-c.gone
}
