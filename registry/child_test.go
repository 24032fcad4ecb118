package registry_test

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

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/boltstore"
)

const (
	// roleVariable says what a child process is: a registry, or an owner of an
	// instance.
	roleVariable = "REGISTRY_TEST_ROLE"
	// taskVariable tells it the rest.
	taskVariable = "REGISTRY_TEST_TASK"
)

// task is what a child process does.
type task struct {
	Endpoint string
	Store    string        // file of a registry; "" is none
	Lease    time.Duration // of an owner
}

// beChild runs a child process and returns its exit code.
func beChild(role string) int {
	var t task
	err := json.Unmarshal([]byte(os.Getenv(taskVariable)), &t)
	if err == nil {
		err = map[string]func(*comm.Context, task) error{"registry": beRegistry, "owner": beOwner}[role](childContext(), t)
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

// beRegistry serves, and says where.
func beRegistry(zmq *comm.Context, t task) error {
	options := []registry.ServerOption{registry.WithLogger(slog.New(slog.DiscardHandler))}
	if t.Store != "" {
		store, err := boltstore.Open(context.Background(), t.Store)
		if err != nil {
			return err
		}
		options = append(options, registry.WithStore(store))
	}
	s, err := registry.NewServer(zmq, t.Endpoint, options...)
	if err != nil {
		return err
	}
	fmt.Println("listens", s.Endpoints()[0])
	return s.Run(context.Background())
}

// beOwner keeps an instance registered, and says when it is.
func beOwner(zmq *comm.Context, t task) error {
	c, err := registry.NewClient(zmq, t.Endpoint)
	if err != nil {
		return err
	}
	r := c.Register(&mitterev1.Instance{Name: "owned", Id: "1", Endpoints: []string{"tcp://127.0.0.1:1"}}, t.Lease)
	if err := r.Wait(context.Background()); err != nil {
		return err
	}
	fmt.Println("registered")
	for messaging.CodeOf(r.Err()) != messaging.AlreadyExists {
		time.Sleep(10 * time.Millisecond) // between two looks
	}
	fmt.Println("replaced")
	select {}
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

// startRegistry starts a registry and returns where it listens.
func startRegistry(t testing.TB, todo task) (c *child, endpoint string) {
	t.Helper()
	c = start(t, "registry", todo)
	return c, c.await("listens ")
}

// note keeps a line that the child wrote.
func (c *child) note(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, line)
}

// said returns what the child wrote in a line that begins so.
func (c *child) said(prefix string) (rest string, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		if rest, found = strings.CutPrefix(line, prefix); found {
			break
		}
	}
	return rest, found
}

// await waits for a line that begins so, and returns the rest of it.
func (c *child) await(prefix string) (rest string) {
	c.t.Helper()
	eventually(c.t, "the child says "+prefix, func() (found bool) {
		rest, found = c.said(prefix)
		return found
	})
	return rest
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
