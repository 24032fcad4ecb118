package main

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
)

// atOnce is how many members are asked at once.
const atOnce = 64

// member is a server of a name, which a command asks: an instance at an
// endpoint of its own, or a worker of a broker.
type member struct {
	*mitterev1.Instance        // as the registry or the broker has it
	broker              string // the endpoint of the broker that leads to it; empty if none does
	protocol            string // that it speaks to the broker
}

// native is what the name of the protocol begins with in which workers can be asked.
const native = "mittere/"

// ofWorker returns a worker as a member that serves a name.
func ofWorker(name, broker string, w *mitterev1.Worker) member {
	i := &mitterev1.Instance{Name: name, Id: w.GetName(), Endpoints: w.GetEndpoints(), Version: w.GetVersion(), Services: w.GetServices()}
	if w.GetState() == mitterev1.WorkerState_WORKER_STATE_DRAINING {
		i.Health = mitterev1.Health_HEALTH_DRAINING
	}
	return member{i, broker, w.GetDialect()}
}

// reach returns the endpoints at which a member can be asked about itself, the best first;
// at least one.
func (m member) reach(zctx *comm.Context) ([]string, error) {
	switch {
	case m.broker != "" && !strings.HasPrefix(m.protocol, native):
		return nil, messaging.Errorf(messaging.Unimplemented, "it speaks %s, and tells nothing of itself", m.protocol)
	case m.broker != "":
		return []string{m.broker}, nil
	case m.direct() != "": // the user's, who knows
		return []string{m.direct()}, nil
	}
	endpoints := registry.Candidates(m.Instance, zctx)
	switch {
	case m.GetKind() != mitterev1.Kind_KIND_UNSPECIFIED:
		return nil, messaging.Errorf(messaging.Unimplemented, "it does not serve calls")
	case m.GetDialect() == mitterev1.Dialect_DIALECT_PLAIN:
		return nil, messaging.Errorf(messaging.Unimplemented, "it speaks plain envelopes only, and tells nothing of itself")
	case len(endpoints) == 0:
		return nil, messaging.Errorf(messaging.Unavailable, "none of %q can be reached from this host", m.GetEndpoints())
	}
	return endpoints, nil
}

// direct returns the endpoint if it is one that the user gave; else nothing.
func (m member) direct() string {
	if m.broker != "" || m.GetId() != "" {
		return ""
	}
	return m.GetEndpoints()[0]
}

// dial returns a caller of a member, and what closes it: at the first endpoint that answers,
// or the last one. A broker gives all calls to that worker.
func (m member) dial(ctx context.Context, zctx *comm.Context, endpoints []string) (call.Caller, io.Closer, error) {
	conn, err := call.Dial(zctx, endpoints[0], call.WithService(m.GetName()), call.WithSocket(comm.WithLinger(0)))
	switch {
	case err != nil:
		return nil, nil, err
	case len(endpoints) > 1 && !answering(ctx, conn):
		_ = conn.Close()
		return m.dial(ctx, zctx, endpoints[1:])
	case m.broker == "":
		return conn, conn, nil
	default:
		return toWorkers(conn, m.GetId()), conn, nil
	}
}

// answering waits until it is known whether a peer answers.
func answering(ctx context.Context, conn *call.Conn) bool {
	for {
		changed := conn.Changed()
		if !conn.Connecting() {
			return conn.Ready()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return true // there is no time to try another
		}
	}
}

// toWorkers returns a caller whose calls go to those workers of a broker.
func toWorkers(c call.Caller, names ...string) call.Caller {
	return toTarget(c, &call.Target{Names: names})
}

// toTarget returns a caller whose calls go to that target.
func toTarget(c call.Caller, target *call.Target) call.Caller {
	return call.Intercept(c, func(next call.Invoker) call.Invoker {
		return func(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
			r.Target = target
			return next(ctx, r, each)
		}
	})
}

// kind says what members like this are.
func (m member) kind() string {
	if m.broker != "" {
		return "workers"
	}
	return "instances"
}

// label says which member it is.
func (m member) label() string {
	switch {
	case m.broker != "":
		return "worker " + m.GetId()
	case m.GetId() == "":
		return m.GetEndpoints()[0]
	default:
		return "instance " + m.GetId()
	}
}

// answer is what one member said.
type answer[T any] struct {
	instance member
	value    T
	err      error
}

// management asks a member about itself.
type management = mitterev1mittere.ManagementServiceClient

// askAll asks all members at once and returns their answers, in their order.
func askAll[T any](zctx *comm.Context, members []member, ask func(member, []string) (T, error)) []answer[T] {
	answers := make([]answer[T], len(members))
	room := make(chan struct{}, atOnce)
	var asking sync.WaitGroup
	for i, m := range members {
		asking.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			answers[i].instance = m
			endpoints, err := m.reach(zctx)
			if err == nil {
				answers[i].value, err = ask(m, endpoints)
			}
			answers[i].err = err
		})
	}
	asking.Wait()
	return answers
}

// askOne returns what asks one member one thing.
func askOne[T any](ctx context.Context, zctx *comm.Context, timeout time.Duration, ask func(context.Context, *management) (T, error)) func(member, []string) (T, error) {
	return func(m member, endpoints []string) (value T, err error) {
		ctx, cancel := within(ctx, timeout)
		defer cancel()
		caller, conn, err := m.dial(ctx, zctx, endpoints)
		if err != nil {
			return value, err
		}
		defer conn.Close()
		value, err = ask(ctx, mitterev1mittere.NewManagementServiceClient(caller))
		return value, orBroker(ctx, zctx, m.direct(), err)
	}
}

// failures returns the error of a command some of whose instances failed: with the
// code of the first.
func failures[T any](answers []answer[T]) error {
	failed := slices.DeleteFunc(slices.Clone(answers), func(a answer[T]) bool { return a.err == nil })
	if len(failed) == 0 {
		return nil
	}
	first := failed[0]
	code := messaging.CodeOf(first.err)
	of := first.instance.label()
	switch {
	case len(answers) == 1 && strings.HasPrefix(messaging.AsError(first.err).Message, of+": "):
		return first.err // it says which one
	case len(answers) == 1:
		return messaging.Errorf(code, "%s: %w", of, first.err)
	}
	return messaging.Errorf(code, "%d of %d %s failed; %s: %w", len(failed), len(answers), first.instance.kind(), of, first.err)
}

// failureJSON is an error in JSON.
type failureJSON struct {
	Code    string            `json:"code,omitempty"`
	Message string            `json:"message"`
	Details []json.RawMessage `json:"details,omitempty"`
}

// failureOf returns an error for JSON, nil for none.
func failureOf(err error) *failureJSON {
	if err == nil {
		return nil
	}
	return &failureJSON{Code: messaging.CodeName(messaging.CodeOf(err)), Message: messaging.AsError(err).Message}
}

// id returns the id of the instance that was asked: as the registry has it, else
// as the instance itself said.
func (a answer[T]) id(said string) string {
	return cmp.Or(a.instance.GetId(), said)
}
