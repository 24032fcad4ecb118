package reactor

import (
	"crypto/rand"
	"errors"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/reactor/internal/serving"
)

// Offer is what a reactor offers to the brokers of its [messaging.Worker] sockets.
// Its handlers tell which methods may be repeated and which message types it takes.
type Offer struct {
	// Services are the names under which requests come; at least one.
	Services []string
	// Name tells the worker from others at the broker, of which two must not share
	// one. The default is the instance of [WithIdentity].
	Name string
	// Renames has the worker come back under another name, made of Name and a random
	// ending, when the broker has given its own to another worker. By default Run ends
	// then: a worker that was replaced on purpose must not come back.
	Renames bool
	// Version is that of the program.
	Version string
	// Capacity is how many requests the broker gives at once. The default is as many
	// as run: one, or as many as [WithPool] says.
	Capacity int
	// Endpoints returns where the worker can be called directly; nil is nowhere. It is
	// asked each time a broker is told, by any goroutine, and must not wait; see
	// [Reactor.Reoffer].
	Endpoints func() []string
	// Descriptors is a hash of the schemas of the services.
	Descriptors []byte
	// Instance identifies the worker when it says Hello. The default is 16 random
	// bytes.
	Instance []byte
}

// WithOffer sets what the reactor offers to brokers. It must be given if one of the
// sockets is a [messaging.Worker].
func WithOffer(offer Offer) Option {
	return option(func(c *config) {
		c.checks.Require(len(offer.Services) > 0, "offer: want a service")
		c.checks.Require(offer.Capacity >= 0, "offer: capacity of %d: must not be negative", offer.Capacity)
		c.offer = &offer
	})
}

// checkOffer returns what is wrong with the offer if it is made to somebody.
func (c *config) checkOffer(sockets []Socket, offer Offer) error {
	isWorker := func(s Socket) bool { return s.Traits().Worker != nil }
	switch {
	case !slices.ContainsFunc(sockets, isWorker):
		return nil
	case c.offer == nil:
		return errors.New("a socket leads to a broker, to which nothing is offered")
	case offer.Name == "":
		return errors.New("offer: it has no name")
	default:
		return nil
	}
}

// offered returns the offer with its defaults.
func (c *config) offered() Offer {
	if c.offer == nil {
		return Offer{}
	}
	offer := *c.offer
	if offer.Name == "" {
		offer.Name = c.Instance
	}
	if offer.Endpoints == nil {
		offer.Endpoints = func() []string { return nil }
	}
	if offer.Capacity == 0 {
		offer.Capacity = max(c.Workers, 1)
	}
	if len(offer.Instance) == 0 {
		offer.Instance = make([]byte, 16)
		_, _ = rand.Read(offer.Instance) // which never fails
	}
	return offer
}

// serving returns the offer as it is made with these handlers.
func (o Offer) serving(entered serving.Handlers, repeatable []string) serving.Offer {
	types := offeredTypes(entered)
	return serving.Offer{
		Name: o.Name, Renames: o.Renames, Services: o.Services, Instance: o.Instance,
		Ready: func(session uint64, name string) proto.Message {
			return &mitterev1.Ready{
				Session: session, Services: o.Services, Instance: name, Version: o.Version,
				Capacity: uint32(o.Capacity), Endpoints: o.Endpoints(), Descriptors: o.Descriptors,
				Repeatable: repeatable, Types: types,
			}
		},
	}
}

// repeatable returns the names of the methods whose second execution does no harm,
// sorted.
func (h *Handlers) repeatable() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(h.byMethod)) {
		options, _ := h.byMethod[name].method.Options().(*descriptorpb.MethodOptions)
		if options.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN {
			names = append(names, name)
		}
	}
	return names
}

// offeredTypes returns the message types that lead to a handler by themselves, sorted. The
// control plane is not for requests that name no service: all workers have the same.
func offeredTypes(entered serving.Handlers) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(entered.ByType)) {
		if !entered.ByType[name].Control {
			names = append(names, name)
		}
	}
	return names
}

// Withhold takes back from all brokers what the reactor offers, so that they give it no
// further requests, or offers it again. Requests that it has go on, and those that come
// all the same are served. Sockets without a broker are not concerned. It may be called
// before Run too, and as often as one likes.
func (r *Reactor) Withhold(on bool) { r.road.Withhold(on) }

// Reoffer tells all brokers anew what the reactor offers, as when it can be called
// elsewhere than before. It does nothing unless the reactor runs.
func (r *Reactor) Reoffer() { r.road.Reoffer() }
