package comm_test

import (
	"context"
	"errors"
	"testing"

	"github.com/mittere/mittere/comm"
)

// A request that was meant for an instance that has died must not wait for
// the next process on its port.
func TestMessageToADeadInstanceDoesNotReachTheNextOne(t *testing.T) {
	r := newRig(t)
	first := r.router("tcp://127.0.0.1:*")
	endpoint := at(first)
	d := r.dealer(endpoint, drop)
	r.send(d, "to the first")
	r.recv(first)
	r.ok(first.Close())
	r.eventually("the dealer has noticed", func() bool { return d.Stats().Connections == 0 })

	// Until libzmq knows as well, it takes messages for the first, and drops them.
	r.eventually("a message waits", func() bool {
		return errors.Is(sendUnlessNobodyIsThere(r, d, "to the first again"), comm.Ended)
	})
	second := r.router("@" + endpoint)
	r.send(d, "to the second")
	if got := r.recv(second)[1]; got != "to the second" {
		t.Fatalf("the second instance received %q", got)
	}
}

// sendUnlessNobodyIsThere gives up when the caller waits.
func sendUnlessNobodyIsThere(r *rig, d *comm.Dealer, text string) error {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	r.spawned.Go(func() {
		r.eventually("the sender waits", func() bool {
			_, senders := d.Waiting()
			return senders > 0 || ctx.Err() != nil
		})
		cancel()
	})
	return d.Send(ctx, message(text))
}

func TestMessageWaitsForAPeerWhereImmediateIsOff(t *testing.T) {
	r := newRig(t)
	p, err := comm.AcquirePort("")
	p = must(t, p, err)
	d := r.dealer(p.Endpoint(), comm.WithImmediate(false))
	r.send(d, "early")
	router := r.router("")
	r.ok(router.BindPort(p))
	if got := r.recv(router)[1]; got != "early" {
		t.Fatalf("received %q", got)
	}
}
