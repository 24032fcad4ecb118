package service_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/boltstore"
	"github.com/mittere/mittere/service"
)

const (
	// roleVariable says what a child process is: a registry, an instance or a client.
	roleVariable = "SERVICE_TEST_ROLE"
	// taskVariable tells it the rest.
	taskVariable = "SERVICE_TEST_TASK"
)

// task is what a child process does.
type task struct {
	Endpoint  string        // where it serves, or whom it calls
	Registry  string        // where it registers; empty is nowhere
	Name      string        // of the service
	ID        string        // of the instance
	Lease     time.Duration // 0 is the registry's default
	Heartbeat time.Duration
	Journal   string // a file: an instance's executed items, or a registry's table
}

// beChild runs a child process and returns its exit code.
func beChild(role string) int {
	var t task
	err := json.Unmarshal([]byte(os.Getenv(taskVariable)), &t)
	zmq, wrong := comm.NewContext(comm.WithLogger(quiet))
	if err = errors.Join(err, wrong); err == nil {
		err = map[string]func(*comm.Context, task) error{"registry": beRegistry, "instance": beInstance, "client": beClient}[role](zmq, t)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, role, t.ID, "ended:", err)
		return 1
	}
	return 0
}

// untilTerminated ends with SIGTERM.
func untilTerminated() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM)
}

// whenFree makes what needs a port that a killed process had, which the kernel
// gives back a moment later.
func whenFree[T any](make func() (T, error)) (made T, err error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if made, err = make(); !errors.Is(err, comm.AddressInUse) {
			return made, err
		}
	}
	return made, err
}

// beRegistry serves a registry, and says where.
func beRegistry(zmq *comm.Context, t task) error {
	options := []registry.ServerOption{registry.WithLogger(quiet)}
	if t.Journal != "" {
		store, err := boltstore.Open(context.Background(), t.Journal)
		if err != nil {
			return err
		}
		defer store.Close()
		options = append(options, registry.WithStore(store))
	}
	s, err := whenFree(func() (*registry.Server, error) { return registry.NewServer(zmq, t.Endpoint, options...) })
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println("listens", s.Endpoints()[0])
	ctx, cancel := untilTerminated()
	defer cancel()
	return s.Run(ctx)
}

// beInstance serves the EchoService until it is terminated, and says where. What
// it executes it says, or writes to its journal; an answer is made of the request
// and of the instance.
func beInstance(zmq *comm.Context, t task) error {
	told, err := openJournal(t.Journal)
	if err != nil {
		return err
	}
	h := storing(func(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		if err := told(r.GetItem()); err != nil {
			return nil, err
		}
		select {
		case <-time.After(time.Duration(r.GetTakesMs()) * time.Millisecond):
			return &testv1.StoreResponse{Times: checksum(r.GetItem()), Instance: t.ID}, nil
		case <-ctx.Done():
			fmt.Println("cancelled", r.GetItem(), messaging.CodeOf(context.Cause(ctx)))
			return nil, context.Cause(ctx)
		}
	})
	options := []service.ServerOption{
		service.WithBind(t.Endpoint), service.WithID(t.ID), service.WithHeartbeat(t.Heartbeat), service.WithLogger(quiet),
	}
	if t.Registry != "" {
		options = append(options, service.WithRegistry(t.Registry))
	}
	if t.Lease > 0 {
		options = append(options, service.WithLease(t.Lease))
	}
	s, err := whenFree(func() (*service.Server, error) { return service.NewServer(zmq, t.Name, h, options...) })
	if err != nil {
		return err
	}
	fmt.Println("listens", s.Endpoints()[0])
	ctx, cancel := untilTerminated()
	defer cancel()
	return errors.Join(s.Run(ctx), s.Close(), zmq.Close())
}

// openJournal returns what notes that an item is executed: in a file, which
// outlives a kill, or else on the standard output.
func openJournal(path string) (func(item uint64) error, error) {
	if path == "" {
		return func(item uint64) error {
			_, err := fmt.Println("executes", item)
			return err
		}, nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return func(item uint64) error {
		_, err := fmt.Fprintln(file, item) // one write
		return err
	}, err
}

// checksum is what Store answers to an item, so that a wrong answer is seen.
func checksum(item uint64) uint64 { return item*0x9E3779B97F4A7C15 + 1 }

// beClient calls Store for 1, 2, 3 and so on, each for long.
func beClient(zmq *comm.Context, t task) error {
	c, err := service.NewClient(zmq, t.Name, service.FromEndpoints(t.Endpoint), service.WithClientHeartbeat(t.Heartbeat))
	if err != nil {
		return err
	}
	for item := uint64(1); ; item++ {
		_, err := askStore(context.Background(), c, item)
		fmt.Println("stored", item, messaging.CodeOf(err))
	}
}

// child is a process that runs until it is killed.
type child struct {
	t       testing.TB
	command *exec.Cmd
	gone    chan struct{}
	err     error // how it ended, once it is gone

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
		c.err = c.command.Wait()
	}()
	t.Cleanup(c.kill)
	return c
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

// endpoint waits until the child listens and returns where.
func (c *child) endpoint() string {
	c.t.Helper()
	return c.await("listens ")
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

// terminate asks the process to end and waits for that; the test fails if it did
// not end well.
func (c *child) terminate() {
	c.t.Helper()
	c.signal(syscall.SIGTERM)
	receive(c.t, "the end of the child", c.gone)
	if c.err != nil {
		c.t.Errorf("the child ended with %v", c.err)
	}
}
