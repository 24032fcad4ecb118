package service_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service"
)

const (
	// fleetLease is how long the registry keeps an instance of a fleet that it does
	// not hear.
	fleetLease = 2 * time.Second
	// fleetHeartbeat is seldom enough for a machine that is busy elsewhere.
	fleetHeartbeat = time.Second
)

// fleet is two services of three instances each, and their registry: all of them
// processes.
type fleet struct {
	t        testing.TB
	dir      string // journals
	names    *child // the registry
	at       task   // the registry's
	registry *registry.Client
	clients  []*service.Client // one for each service

	mu       sync.Mutex // guards what follows
	running  []*instance
	all      map[string]*instance // by id
	terminal []*instance          // those that were ended
}

// instance is a process of a fleet.
type instance struct {
	*child
	task
	where  string    // its endpoint
	struck time.Time // when its end was asked for
	ended  time.Time // when it was dead; zero while it runs
}

// fleetNames are the services of a fleet.
var fleetNames = []string{"alpha", "beta"}

// startFleet starts a fleet, with clients in this process, and waits until each
// instance can be called. A registry with a table keeps it in a file.
func startFleet(t testing.TB, zmq *comm.Context, table string) *fleet {
	t.Helper()
	f := &fleet{t: t, dir: t.TempDir(), at: task{Endpoint: tcp, Table: table}, all: map[string]*instance{}}
	f.names = start(t, "registry", f.at)
	f.at.Endpoint = f.names.endpoint()
	f.registry = must(registry.NewClient(zmq, f.at.Endpoint))(t)
	t.Cleanup(func() { ok(t, f.registry.Close()) })
	for _, name := range fleetNames {
		for i := range 3 {
			f.enlist(f.launch(name, fmt.Sprintf("%s-%d", name, i+1)))
		}
		c := must(service.NewClient(zmq, name, service.FromRegistry(f.at.Endpoint), service.WithHeartbeat(fleetHeartbeat)))(t)
		t.Cleanup(func() { ok(t, c.Close()) })
		f.clients = append(f.clients, c)
	}
	for _, c := range f.clients {
		awaitReady(t, c, 3)
	}
	return f
}

// launch starts an instance.
func (f *fleet) launch(name, id string) *instance {
	todo := task{
		Endpoint: tcp, Registry: f.at.Endpoint, Name: name, ID: id, Lease: fleetLease, Heartbeat: fleetHeartbeat, Folder: f.dir,
	}
	i := &instance{child: start(f.t, "instance", todo), task: todo}
	i.where = i.endpoint()
	return i
}

// enlist notes that an instance runs.
func (f *fleet) enlist(i *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = append(f.running, i)
	f.all[i.ID] = i
}

// strike takes an instance out, the one that has run for longest or any of them.
func (f *fleet) strike(any bool) *instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := 0
	if any {
		at = rand.IntN(len(f.running))
	}
	i := f.running[at]
	f.running = append(f.running[:at:at], f.running[at+1:]...)
	i.struck = time.Now()
	return i
}

// killOne kills any instance and starts another one in its place.
func (f *fleet) killOne() {
	f.t.Helper()
	i := f.strike(true)
	i.Kill()
	f.end(i)
	f.enlist(f.launch(i.Name, i.ID+"'"))
}

// replaceOldest starts another instance in place of the oldest one, which it then
// terminates.
func (f *fleet) replaceOldest() {
	f.t.Helper()
	i := f.strike(false)
	i.Terminate()
	f.end(i)
	f.enlist(f.launch(i.Name, i.ID+"'"))
}

// end notes that an instance runs no longer.
func (f *fleet) end(i *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i.ended = time.Now()
	f.terminal = append(f.terminal, i)
}

// killNames kills the registry and starts it again.
func (f *fleet) killNames() {
	f.t.Helper()
	f.names.Kill()
	f.startNames()
}

// startNames starts the registry again.
func (f *fleet) startNames() {
	f.t.Helper()
	f.names = start(f.t, "registry", f.at)
	f.names.endpoint()
}

// find returns the instance of an id, and when it ended.
func (f *fleet) find(id string) (i *instance, ended time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i = f.all[id]; i == nil {
		return nil, time.Time{}
	}
	return i, i.ended
}

// deadIn returns the instance whose endpoint a text has, if it ended before a time
// and nobody else has the endpoint.
func (f *fleet) deadIn(text string, before time.Time) (dead *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.all {
		switch {
		case !strings.Contains(text, i.where):
		case i.ended.IsZero() || i.ended.After(before):
			return nil
		default:
			dead = i
		}
	}
	return dead
}

// dead returns the instances that were ended.
func (f *fleet) dead() []*instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*instance(nil), f.terminal...)
}

// listed returns how many instances the registry has.
func (f *fleet) listed() int {
	entries, err := f.registry.List(within(f.t, patience))
	if err != nil {
		return -1
	}
	return len(entries)
}
