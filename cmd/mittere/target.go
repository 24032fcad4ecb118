package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

// target says which instances a command asks.
type target struct {
	name, id, endpoint string
	timeout            *duration
	note               *waitNotice // of why the registry or the broker is waited for; may be nil
}

// addFlags adds the flags that choose instances.
func (t *target) addFlags(cmd *cobra.Command, usage string, timeout time.Duration) {
	cmd.Flags().StringVar(&t.id, "id", "", "ask the instance of this `id` only, or the worker of this name")
	cmd.Flags().StringVar(&t.endpoint, "endpoint", "", "ask the instance at this `endpoint`, without a registry")
	cmd.MarkFlagsMutuallyExclusive("id", "endpoint")
	t.timeout = addDuration(cmd, "timeout", timeout, usage)
}

// nameArgs wants a name, which may be left out where an endpoint is given: that of a
// service, or of a broker, which is asked about itself then.
func (t *target) nameArgs(g *globals) cobra.PositionalArgs {
	return g.asking(atEither, func(cmd *cobra.Command, args []string) error {
		if t.endpoint != "" || g.brokered {
			return cobra.MaximumNArgs(1)(cmd, args)
		}
		if len(args) != 1 {
			return fmt.Errorf("want the name of a service, got %d arguments", len(args))
		}
		return nil
	})
}

// find gives f the members that are chosen, of which there is one at least.
func (t *target) find(ctx context.Context, g *globals, f func(*comm.Context, []member) error) error {
	switch {
	case t.endpoint != "":
		one := member{Instance: &mitterev1.Instance{Name: t.name, Endpoints: []string{t.endpoint}}}
		return withContext(func(zctx *comm.Context) error { return f(zctx, []member{one}) })
	case g.brokered:
		return g.withBroker(func(zctx *comm.Context, m *manager) error {
			asking, done := t.note.attend(ctx, m.conn)
			members, err := t.workers(asking, m)
			err = t.note.reason(asking, err)
			done()
			if err != nil {
				return err
			}
			return f(zctx, members)
		})
	}
	return g.withRegistry(func(zctx *comm.Context, client *registry.Client) error {
		asking, done := t.note.attend(ctx, client)
		entries, err := resolve(asking, client, t.name, time.Duration(*t.timeout))
		err = t.note.reason(asking, err)
		done()
		if err != nil {
			return err
		}
		members, err := t.choose(entries)
		if err != nil {
			return err
		}
		return f(zctx, members)
	})
}

// choose returns the instances that are chosen: those that serve calls, or the one
// of the id.
func (t *target) choose(entries []*mitterev1.Entry) (members []member, err error) {
	var ids []string
	for _, entry := range entries {
		instance := entry.GetInstance()
		ids = append(ids, instance.GetId())
		if t.id == instance.GetId() || t.id == "" && instance.GetKind() == mitterev1.Kind_KIND_UNSPECIFIED {
			members = append(members, member{Instance: instance})
		}
	}
	switch {
	case len(members) > 0:
		return members, nil
	case t.id != "":
		return nil, messaging.Errorf(messaging.NotFound, "no instance %q of %q; there are %q", t.id, t.name, ids)
	default:
		return nil, messaging.Errorf(messaging.FailedPrecondition, "no instance of %q serves calls", t.name)
	}
}

// workers returns the workers of the service, or the one of the id.
func (t *target) workers(ctx context.Context, m *manager) (members []member, err error) {
	resp, err := askBroker(ctx, m, time.Duration(*t.timeout), m.ListWorkers, &mitterev1.ListWorkersRequest{Service: t.name})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, w := range resp.GetWorkers() {
		names = append(names, w.GetName())
		if t.id == "" || t.id == w.GetName() {
			members = append(members, ofWorker(t.name, m.conn.Endpoint(), w))
		}
	}
	switch {
	case len(members) > 0:
		return members, nil
	case t.id != "":
		return nil, messaging.Errorf(messaging.NotFound, "no worker %q of %q; there are %q", t.id, t.name, names)
	default:
		return nil, messaging.Errorf(messaging.NotFound, "no worker serves %q", t.name)
	}
}
