package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service/servicemittere"
)

const (
	// patience is how long a registry, or a service, may take to answer, by default.
	patience = 5 * time.Second
	// atOnce is how many instances are asked at once.
	atOnce = 64
)

// withRegistry gives f a client of the registry that the flags name.
func (g *globals) withRegistry(f func(*comm.Context, *registry.Client) error) error {
	return withContext(func(zmq *comm.Context) (err error) {
		// Questions that a registry did not take need not outlive the command.
		client, err := registry.NewClient(zmq, g.registry, comm.WithLinger(0))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, client.Close()) }()
		return f(zmq, client)
	})
}

// withContext gives f a context of ZeroMQ.
func withContext(f func(*comm.Context) error) (err error) {
	zmq, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, zmq.Close()) }()
	return f(zmq)
}

// resolve asks a registry for the entries of a name; a timeout of 0 is for ever.
func resolve(ctx context.Context, client *registry.Client, name string, timeout time.Duration) ([]*mitterev1.Entry, error) {
	ctx, cancel := within(ctx, timeout)
	defer cancel()
	entries, err := client.Resolve(ctx, name)
	if err != nil && !client.Connected() {
		return nil, away(client, err)
	}
	return entries, err
}

// away is the error of a registry that does not answer.
func away(client *registry.Client, why error) error {
	return messaging.Errorf(messaging.Unavailable, "the registry at %s cannot be reached: %w", client.Endpoint(), why)
}

// target says which instances a command asks.
type target struct {
	name, id, endpoint string
	timeout            *duration
}

// addFlags adds the flags that choose instances.
func (t *target) addFlags(cmd *cobra.Command, usage string, timeout time.Duration) {
	cmd.Flags().StringVar(&t.id, "id", "", "ask the instance of this `id` only")
	cmd.Flags().StringVar(&t.endpoint, "endpoint", "", "ask the instance at this `endpoint`, without a registry")
	cmd.MarkFlagsMutuallyExclusive("id", "endpoint")
	t.timeout = addDuration(cmd, "timeout", timeout, usage)
}

// nameArgs wants a name, which may be left out where an endpoint is given.
func (t *target) nameArgs(cmd *cobra.Command, args []string) error {
	if t.endpoint != "" {
		return cobra.MaximumNArgs(1)(cmd, args)
	}
	if len(args) != 1 {
		return fmt.Errorf("want the name of a service, got %d arguments", len(args))
	}
	return nil
}

// find gives f the instances that are chosen, of which there is one at least.
func (t *target) find(ctx context.Context, g *globals, f func(*comm.Context, []*mitterev1.Instance) error) error {
	if t.endpoint != "" {
		one := &mitterev1.Instance{Name: t.name, Endpoints: []string{t.endpoint}}
		return withContext(func(zmq *comm.Context) error { return f(zmq, []*mitterev1.Instance{one}) })
	}
	return g.withRegistry(func(zmq *comm.Context, client *registry.Client) error {
		entries, err := resolve(ctx, client, t.name, time.Duration(*t.timeout))
		if err != nil {
			return err
		}
		instances, err := t.choose(entries)
		if err != nil {
			return err
		}
		return f(zmq, instances)
	})
}

// choose returns the instances that are chosen: those that serve calls, or the one
// of the id.
func (t *target) choose(entries []*mitterev1.Entry) (instances []*mitterev1.Instance, err error) {
	var ids []string
	for _, entry := range entries {
		instance := entry.GetInstance()
		ids = append(ids, instance.GetId())
		if t.id == instance.GetId() || t.id == "" && instance.GetKind() == mitterev1.Kind_KIND_UNSPECIFIED {
			instances = append(instances, instance)
		}
	}
	switch {
	case len(instances) > 0:
		return instances, nil
	case t.id != "":
		return nil, messaging.Errorf(messaging.NotFound, "no instance %q of %q; there are %q", t.id, t.name, ids)
	default:
		return nil, messaging.Errorf(messaging.FailedPrecondition, "no instance of %q serves calls", t.name)
	}
}

// reach returns the endpoint at which an instance can be asked about itself.
func reach(zmq *comm.Context, instance *mitterev1.Instance) (string, error) {
	if instance.GetId() == "" { // the user's, who knows
		return instance.GetEndpoints()[0], nil
	}
	endpoint := registry.Reach(instance, zmq)
	switch {
	case instance.GetKind() != mitterev1.Kind_KIND_UNSPECIFIED:
		return "", messaging.Errorf(messaging.Unimplemented, "it does not serve calls")
	case instance.GetDialect() == mitterev1.Dialect_DIALECT_PLAIN:
		return "", messaging.Errorf(messaging.Unimplemented, "it speaks plain envelopes only, and tells nothing of itself")
	case endpoint == "":
		return "", messaging.Errorf(messaging.Unavailable, "none of %q can be reached from this host", instance.GetEndpoints())
	}
	return endpoint, nil
}

// answer is what one instance said.
type answer[T any] struct {
	instance *mitterev1.Instance
	value    T
	err      error
}

// management asks an instance about itself.
type management = servicemittere.ManagementServiceClient

// askAll asks all instances at once and returns their answers, in their order.
func askAll[T any](zmq *comm.Context, instances []*mitterev1.Instance, ask func(*mitterev1.Instance, string) (T, error)) []answer[T] {
	answers := make([]answer[T], len(instances))
	room := make(chan struct{}, atOnce)
	var asking sync.WaitGroup
	for i, instance := range instances {
		asking.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			answers[i].instance = instance
			endpoint, err := reach(zmq, instance)
			if err == nil {
				answers[i].value, err = ask(instance, endpoint)
			}
			answers[i].err = err
		})
	}
	asking.Wait()
	return answers
}

// askOne returns what asks one instance one thing.
func askOne[T any](ctx context.Context, zmq *comm.Context, timeout time.Duration, ask func(context.Context, *management) (T, error)) func(*mitterev1.Instance, string) (T, error) {
	return func(instance *mitterev1.Instance, endpoint string) (value T, err error) {
		ctx, cancel := within(ctx, timeout)
		defer cancel()
		conn, err := call.Dial(zmq, endpoint, call.WithService(instance.GetName()), call.WithSocket(comm.WithLinger(0)))
		if err != nil {
			return value, err
		}
		defer conn.Close()
		return ask(ctx, servicemittere.NewManagementServiceClient(conn))
	}
}

// within is context.WithTimeout where no time is no limit.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
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
	of := labelOf(first.instance)
	if len(answers) == 1 {
		return messaging.Errorf(code, "%s: %w", of, first.err)
	}
	return messaging.Errorf(code, "%d of %d instances failed; %s: %w", len(failed), len(answers), of, first.err)
}

// labelOf says which instance it is.
func labelOf(instance *mitterev1.Instance) string {
	if instance.GetId() == "" {
		return instance.GetEndpoints()[0]
	}
	return "instance " + instance.GetId()
}

// failureJSON is an error in JSON.
type failureJSON struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// failureOf returns an error for JSON, nil for none.
func failureOf(err error) *failureJSON {
	if err == nil {
		return nil
	}
	return &failureJSON{codeName(messaging.CodeOf(err)), messaging.AsError(err).Message}
}

// id returns the id of the instance that was asked: as the registry has it, else
// as the instance itself said.
func (a answer[T]) id(said string) string {
	return cmp.Or(a.instance.GetId(), said)
}
