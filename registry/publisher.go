package registry

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
)

// Binder is a socket that is bound to endpoints, such as a publisher.
type Binder interface {
	// Endpoints returns where it is bound.
	Endpoints() []string
}

// publisherConfig is what options of a publisher set.
type publisherConfig struct {
	id        string
	advertise []string
	lease     time.Duration
}

// PublisherOption sets how a publisher is registered. The set is sealed.
type PublisherOption interface{ applyPublisher(*publisherConfig) }

// publisherOption is a PublisherOption made of a function.
type publisherOption func(*publisherConfig)

func (o publisherOption) applyPublisher(c *publisherConfig) { o(c) }

// WithID sets what tells the publisher from the others of its name, 255 bytes at most. The
// default is a new one, see [NewID].
func WithID(id string) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.id = id })
}

// WithAdvertise sets the endpoints that the publisher is registered with, for when
// subscribers reach it by another address than it has itself. The default is where it is
// bound, with this host's address on the way to the registry in place of all interfaces.
func WithAdvertise(endpoints ...string) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.advertise = append(c.advertise, endpoints...) })
}

// WithLease sets the lease of the publisher. The default is the registry's.
func WithLease(lease time.Duration) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.lease = lease })
}

// RegisterPublisher keeps a publisher registered under a name, for subscribers that
// [Client.Attach] connects. zctx is the context of the publisher's socket. It does not wait
// for the registry: [Registration.Wait] does, and returns INVALID_ARGUMENT for a name, an id
// or an endpoint that the registry refuses. Withdraw the registration before the publisher
// is closed.
func (c *Client) RegisterPublisher(zctx *comm.Context, name string, publisher Binder, options ...PublisherOption) *Registration {
	config := publisherConfig{}
	for _, o := range options {
		o.applyPublisher(&config)
	}
	instance := &mitterev1.Instance{
		Name: name, Id: cmp.Or(config.id, NewID()), Kind: mitterev1.Kind_KIND_PUBLISHER,
		Endpoints: config.advertise, Host: Host(), Context: zctx.ID(),
	}
	if len(instance.Endpoints) == 0 {
		instance.Endpoints = publisher.Endpoints()
	}
	return c.Register(instance, config.lease)
}

// NewID returns an id that no other instance has: the host, the process and a random part.
func NewID() string {
	return fmt.Sprintf("%.40s-%d-%s", cmp.Or(Host(), "host"), os.Getpid(), strings.ToLower(rand.Text()[:6]))
}
