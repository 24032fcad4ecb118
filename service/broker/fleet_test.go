package broker_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/majordomo"
)

const (
	// fleetWorkers is how many workers there are, and room how many requests each
	// handles at once: fewer than there are callers, so that some wait at the broker.
	fleetWorkers, room = 4, 8
	// fleetClients is how many native clients share the callers.
	fleetClients = 4
)

// fleet is a broker and its workers, all of them processes, and clients in this one.
// The goroutine that breaks it alone uses it.
type fleet struct {
	t       testing.TB
	zmq     *comm.Context
	folder  string // of journals
	at      task   // the broker's
	broker  *faulttest.Process
	workers []*faulttest.Process // oldest first
	clients []*service.Client
	old     *majordomo.Client // nil unless the test wants one
	number  int               // of the latest worker

	workersAt string // where workers find the broker
	past      sums   // of brokers that were killed
}

// sums is what is printed of what brokers counted.
type sums struct {
	requests, answered, failed, expired, cancelled, redelivered, late, duplicates, foreign, died uint64
}

// add adds what a broker counted.
func (s *sums) add(h held) {
	c := h.Stats.Counters
	s.requests += c.Requests
	s.answered += c.Answered
	s.failed += c.Failed
	s.expired += c.Expired
	s.cancelled += c.Cancelled
	s.redelivered += c.Redelivered
	s.late += c.Late
	s.duplicates += c.Duplicates
	s.foreign += c.Foreign
	s.died += c.Died
}

// String returns the line of a report.
func (s sums) String() string {
	return fmt.Sprintf("at the broker: %d requests, %d answered, %d failed, %d expired, %d cancelled; %d redelivered; dropped: %d late, %d duplicate, %d foreign; %d workers were silent",
		s.requests, s.answered, s.failed, s.expired, s.cancelled, s.redelivered, s.late, s.duplicates, s.foreign, s.died)
}

// startFleet starts a fleet, in which all have this heartbeat, and waits until all is
// connected. Workers and clients reach the broker by what between returns for its
// endpoint, which may be nil.
func startFleet(t testing.TB, heartbeat time.Duration, between func(endpoint string) string) *fleet {
	t.Helper()
	f := newFleet(t, t.TempDir(), heartbeat)
	f.workersAt = f.at.Endpoint
	clientsAt := f.at.Endpoint
	if between != nil {
		f.workersAt, clientsAt = between(f.at.Endpoint), between(f.at.Endpoint)
	}
	return f.staff().connect(clientsAt)
}

// newFleet starts the broker of a fleet whose workers keep their journals in a folder.
func newFleet(t testing.TB, folder string, heartbeat time.Duration) *fleet {
	t.Helper()
	f := &fleet{t: t, zmq: newContext(t), folder: folder, at: task{Endpoint: tcp, Heartbeat: heartbeat}}
	f.broker = startBroker(t, &f.at)
	f.workersAt = f.at.Endpoint
	return f
}

// staff starts the workers, and waits until the broker has them.
func (f *fleet) staff() *fleet {
	f.t.Helper()
	for range fleetWorkers {
		f.enlist()
	}
	f.awaitWorkers()
	return f
}

// connect starts clients of brokers, and waits until they have a session.
func (f *fleet) connect(brokers ...string) *fleet {
	f.t.Helper()
	for range fleetClients {
		c := must(service.NewClient(f.zmq, echoName, service.FromBroker(brokers...), service.WithHeartbeat(f.at.Heartbeat)))(f.t)
		f.t.Cleanup(func() { ok(f.t, c.Close()) })
		ok(f.t, c.Wait(patient(f.t)))
		f.clients = append(f.clients, c)
	}
	return f
}

// newContext returns a context until the test ends.
func newContext(t testing.TB) *comm.Context {
	t.Helper()
	zmq := must(comm.NewContext(comm.WithPoison()))(t)
	t.Cleanup(func() { ok(t, zmq.Close()) })
	return zmq
}

// startBroker starts a broker, waits until it serves, and notes where it
// listens.
func startBroker(t testing.TB, at *task) *faulttest.Process {
	t.Helper()
	p := faulttest.Start(t, "broker", at)
	at.Endpoint = p.Await("listens ")
	eventually(t, "there is a worker, its own or another", func() bool {
		var h held
		p.Ask(&h)
		return h.Stats.Load.Workers >= 1
	})
	return p
}

// joinOld adds a client of the Majordomo protocol.
func (f *fleet) joinOld() *fleet {
	f.t.Helper()
	f.old = must(majordomo.NewClient(f.zmq, f.at.Endpoint, majordomo.WithConnections(oldCallers),
		majordomo.WithRetries(0), majordomo.WithTimeout(callTime-callTime/10)))(f.t)
	f.t.Cleanup(func() { ok(f.t, f.old.Close()) })
	return f
}

// held asks the broker what it holds.
func (f *fleet) held() (h held) {
	f.t.Helper()
	f.broker.Ask(&h)
	return h
}

// sums returns what all brokers counted.
func (f *fleet) sums() sums {
	f.t.Helper()
	all := f.past
	all.add(f.held())
	return all
}

// enlist starts a worker.
func (f *fleet) enlist() {
	f.t.Helper()
	f.number++
	f.workers = append(f.workers, faulttest.Start(f.t, "worker", task{
		Endpoint: f.workersAt, Heartbeat: f.at.Heartbeat, ID: fmt.Sprintf("w%d", f.number), Folder: f.folder, Room: room,
	}))
}

// awaitWorkers waits until the broker has all workers, beside its own.
func (f *fleet) awaitWorkers() {
	f.t.Helper()
	eventually(f.t, "the broker has all workers", func() bool { return f.held().Stats.Load.Workers == fleetWorkers+1 })
}

// killWorker kills the oldest worker and starts another one.
func (f *fleet) killWorker() {
	f.t.Helper()
	oldest := f.workers[0]
	f.workers = f.workers[1:]
	oldest.Kill()
	f.enlist()
	f.awaitWorkers()
}

// haltWorker stops the next worker until the broker takes it for dead, and lets it go on.
// It is tried again if the worker had just lost its session, as on a slow machine: then
// nobody dies.
func (f *fleet) haltWorker() {
	f.t.Helper()
	w := f.workers[0]
	f.workers = append(f.workers[1:], w)
	died := f.held().Stats.Counters.Died
	for {
		w.Halt()
		eventually(f.t, "the broker has lost a worker", func() bool { return f.held().Stats.Load.Workers <= fleetWorkers })
		w.Continue()
		f.awaitWorkers()
		if f.held().Stats.Counters.Died > died {
			return
		}
	}
}

// killBroker kills the broker and starts another one at its endpoint.
func (f *fleet) killBroker() {
	f.t.Helper()
	f.past = f.sums()
	f.broker.Kill()
	f.broker = startBroker(f.t, &f.at)
	f.awaitWorkers()
}

// stopBroker has the broker stop in good order and starts another one at its endpoint.
func (f *fleet) stopBroker() {
	f.t.Helper()
	f.past = f.sums()
	f.broker.Terminate()
	f.broker = startBroker(f.t, &f.at)
	f.awaitWorkers()
}

// stopWorker has the oldest worker stop in good order and starts another one.
func (f *fleet) stopWorker() {
	f.t.Helper()
	oldest := f.workers[0]
	f.workers = f.workers[1:]
	f.enlist()
	oldest.Terminate()
	f.awaitWorkers()
}

// haltBroker stops the broker until its peers take it for dead, and lets it go on.
func (f *fleet) haltBroker() {
	f.t.Helper()
	f.broker.Halt()
	eventually(f.t, "the broker is taken for dead", func() bool {
		return !slices.ContainsFunc(f.clients, func(c *service.Client) bool { return c.Members()[0].Ready })
	})
	f.broker.Continue()
	f.awaitWorkers()
}

// said counts the lines of all workers that begin so.
func (f *fleet) said(prefix string) (lines int) {
	for _, w := range f.workers {
		lines += len(w.Said(prefix))
	}
	return lines
}

// killClient starts a client, kills it when some of its requests are executed, and waits
// until none are.
func (f *fleet) killClient(item uint64) {
	f.t.Helper()
	before, sessions := f.said("begins "), f.held().Sessions
	c := faulttest.Start(f.t, "client", task{Endpoint: f.at.Endpoint, Heartbeat: heartbeat, Item: item})
	eventually(f.t, "requests of the client are executed", func() bool { return f.said("begins ") >= before+begun/3 })
	c.Kill()
	eventually(f.t, "the client is forgotten", func() bool { return f.held().Sessions <= sessions })
	eventually(f.t, "its requests are cancelled", func() bool { return f.said("begins ") == f.said("cancels ") })
	if ended := c.Said("ended "); len(ended) > 0 {
		f.t.Errorf("a call of the client ended: %s", ended[0])
	}
}
