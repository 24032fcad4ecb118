package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/census/censusmittere"
	censusv1 "github.com/mittere/mittere/gen/census/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/servicemittere"
)

const (
	// digesters is how many instances of the service there are.
	digesters = 3
	// digestsAsked is about how many files are asked about, and digestsAtOnce how
	// many of them at once.
	digestsAsked, digestsAtOnce = 600, 8
	// largestDigested is the largest file that is asked about, in bytes.
	largestDigested = 8 << 20
	// digestPatience is how long a file's digest may take, with all tries.
	digestPatience = 10 * time.Second
)

// services has the digests of some files computed once more, by typed calls to a
// service: a registry, instances that are processes, one of which is killed, and a
// client that finds them and asks another one when that happens.
type services struct {
	report *report
	fleet  *fleet
	client *service.Client
	next   atomic.Int64 // of the files that are asked about
	asked  atomic.Int64 // calls that were answered
	tries  atomic.Int64
	killed atomic.Int64 // the process id
	wrong  atomic.Int64
}

// askServices runs the services section and adds what it says to the report.
func (r *report) askServices(ctx context.Context) error {
	if len(r.answers) == 0 {
		return nil
	}
	zmq, err := comm.NewContext()
	if err != nil {
		return err
	}
	return errors.Join((&services{report: r}).run(ctx, zmq), zmq.Close())
}

// run starts a registry and serves it until the calls are done.
func (s *services) run(ctx context.Context, zmq *comm.Context) error {
	names, err := registry.NewServer(zmq, loopback, registry.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	var ended error
	running.Go(func() { ended = names.Run(serving) })
	err = s.withClient(ctx, zmq, names.Endpoints()[0])
	stop()
	running.Wait()
	return errors.Join(err, ended, names.Close())
}

// withClient starts the instances, and a client that finds them.
func (s *services) withClient(ctx context.Context, zmq *comm.Context, names string) (err error) {
	s.client, err = service.NewClient(zmq, censusmittere.DigestServiceName,
		service.FromRegistry(names), service.WithClientSocket(socketOptions()...))
	if err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s.fleet = newFleet(serviceFlag, names)
	if _, err := s.fleet.start(ctx, digesters, fail); err != nil {
		return errors.Join(err, s.client.Close())
	}
	if err = s.await(ctx); err == nil {
		err = s.askAll(ctx)
	}
	if err == nil {
		s.report.services, s.report.misdigested = s.text(ctx, names), int(s.wrong.Load())
	}
	s.fleet.stop()
	return errors.Join(err, s.client.Close(), context.Cause(ctx))
}

// await waits until all instances can be called.
func (s *services) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, digestPatience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		ready := 0
		for _, m := range s.client.Members() {
			if m.Ready {
				ready++
			}
		}
		if ready == digesters {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d instances of the service are there: %w", ready, digesters, context.Cause(ctx))
		}
	}
}

// askAll asks for digests, several at once.
func (s *services) askAll(ctx context.Context) error {
	stub := censusmittere.NewDigestServiceClient(call.Intercept(s.client, s.count))
	var callers sync.WaitGroup
	failures := make([]error, digestsAtOnce)
	for i := range failures {
		callers.Go(func() { failures[i] = s.askSome(ctx, stub) })
	}
	callers.Wait()
	return errors.Join(failures...)
}

// count is an interceptor that counts the tries of each call.
func (s *services) count(next call.Invoker) call.Invoker {
	return func(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
		err := next(ctx, r, each)
		s.tries.Add(int64(r.Attempt))
		return err
	}
}

// askSome asks about one file after the other, until all have been asked about.
func (s *services) askSome(ctx context.Context, stub *censusmittere.DigestServiceClient) error {
	answers := s.report.answers
	step := max(len(answers)/digestsAsked, 1)
	for {
		i := int(s.next.Add(1)-1) * step
		if i >= len(answers) {
			return nil
		}
		if i/step == len(answers)/step/3 {
			s.killOne()
		}
		if err := s.ask(ctx, stub, answers[i]); err != nil {
			return err
		}
	}
}

// killOne kills an instance in the middle of its work.
func (s *services) killOne() {
	for _, m := range s.client.Members() {
		pid, err := strconv.ParseInt(m.Instance.GetLabels()["pid"], 10, 64)
		if err == nil && s.fleet.kill(pid) {
			s.killed.Store(pid)
			return
		}
	}
}

// ask asks for one digest and compares it with what a worker found.
func (s *services) ask(ctx context.Context, stub *censusmittere.DigestServiceClient, a answer) error {
	file := s.report.tree.files[a.file]
	if file.size > largestDigested {
		return nil
	}
	content, same, err := s.report.tree.read(file)
	if err != nil || !same {
		return nil // it changed meanwhile
	}
	ctx, cancel := context.WithTimeout(ctx, digestPatience)
	defer cancel()
	resp, err := stub.Digest(ctx, &censusv1.DigestRequest{Content: content})
	if err != nil {
		return fmt.Errorf("digest of %s: %w", printable(file.path), err)
	}
	s.asked.Add(1)
	if !bytes.Equal(resp.GetSha256(), a.sha256[:]) {
		s.wrong.Add(1)
	}
	return nil
}

// text tells what was done, and what each instance says of itself.
func (s *services) text(ctx context.Context, names string) string {
	ctx, cancel := context.WithTimeout(ctx, digestPatience)
	defer cancel()
	var b strings.Builder
	fmt.Fprintf(&b, "\nservices: %s, %d instances, found through a registry at %s\n",
		censusmittere.DigestServiceName, digesters, names)
	for _, m := range s.client.Members() {
		stats, err := servicemittere.NewManagementServiceClient(m.Caller).Stats(ctx, &mitterev1.StatsRequest{})
		if err != nil || len(stats.GetMethods()) == 0 {
			continue // the one that was killed, whose lease may not have ended
		}
		method := stats.GetMethods()[0]
		fmt.Fprintf(&b, "  pid %-8s %5d calls, half of them handled within %v, 99 of 100 within %v\n", m.Instance.GetLabels()["pid"],
			method.GetRequests(), rounded(method.GetLatency().GetP50Nano()), rounded(method.GetLatency().GetP99Nano()))
	}
	fmt.Fprintf(&b, "%s answered, %d wrong; pid %d was killed on the way, %s tried again\n",
		plural(int(s.asked.Load()), "call"), s.wrong.Load(), s.killed.Load(), plural(int(s.tries.Load()-s.asked.Load()), "call"))
	return b.String()
}

// rounded returns a duration as people read it.
func rounded(nano int64) time.Duration { return time.Duration(nano).Round(time.Microsecond) }
