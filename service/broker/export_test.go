package broker

import (
	"context"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
)

// WithMaxPeers sets how many peers are known at once.
func WithMaxPeers(n int) Option { return option(func(c *config) { c.maxPeers = n }) }

// WithForgetAfter sets how long a peer is known that waits for nothing.
func WithForgetAfter(d time.Duration) Option {
	return option(func(c *config) { c.forgetAfter = d })
}

// WithBacklog sets how much waits for slow peers.
func WithBacklog(messages, bytes, allBytes int) Option {
	return option(func(c *config) { c.kept = bounds{messages, bytes, allBytes} })
}

// WithUnreadPatience sets how long a peer may take nothing while the broker stops.
func WithUnreadPatience(d time.Duration) Option { return option(func(c *config) { c.unread = d }) }

// Inner returns where the broker's own worker connects to, and its secret.
func (b *Broker) Inner() (endpoint string, secret []byte) { return b.inner() }

// Held returns how much the broker holds of its peers: sessions, slow ones, messages.
func (b *Broker) Held() (keepers, slow, outbox int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.keepers), len(b.backlog.slow), len(b.outbox)
}

// Take takes messages as if they had come at once by the main socket.
func (b *Broker) Take(messages ...comm.Message) { b.handleBatch(arrival{0, messages}) }

// TakeWithout is Take when a peer, which is about to close, cannot be reached any more,
// and the broker has not found out.
func (b *Broker) TakeWithout(id string, messages ...comm.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	nothing := comm.NewMessage([]byte(id), []byte{})
	for b.router.Send(context.Background(), nothing) == nil {
		time.Sleep(time.Millisecond) // between two looks
	}
	for _, m := range messages {
		b.handle(0, m)
	}
	b.carryOut(nil)
}

// Stopping reports whether the broker takes no requests any more.
func (b *Broker) Stopping() bool { return b.health() == mitterev1.Health_HEALTH_DRAINING }
