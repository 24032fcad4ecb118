package service

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
)

// The defaults of a client.
const (
	// DefaultTries is how often a call is tried at most.
	DefaultTries = 8
	// DefaultPatience is how long a call waits for an instance that can take it.
	DefaultPatience = 10 * time.Second
)

// Balance says which of several instances gets a call.
type Balance uint8

const (
	// LeastOutstanding gives a call to whom the client has given the fewest that are
	// not answered; among equals in turn.
	LeastOutstanding Balance = iota
	// RoundRobin gives calls to the instances in turn.
	RoundRobin
)

// clientConfig is what options of a client set.
type clientConfig struct {
	registry     string
	client       *registry.Client
	endpoints    []string
	brokers      []string
	balance      Balance
	tries        int
	patience     time.Duration
	heartbeat    time.Duration
	interceptors []call.Interceptor
	socket       []comm.Option
	wrong        []error
}

// ClientOption sets how a [Client] works. The set is sealed.
type ClientOption interface{ applyClient(*clientConfig) }

// clientOption is a ClientOption made of a function.
type clientOption func(*clientConfig)

func (o clientOption) applyClient(c *clientConfig) { o(c) }

// newClientConfig applies options to the defaults.
func newClientConfig(options []ClientOption) (clientConfig, error) {
	c := clientConfig{tries: DefaultTries, patience: DefaultPatience, heartbeat: call.DefaultHeartbeat}
	for _, o := range options {
		o.applyClient(&c)
	}
	places := 0
	for _, given := range []bool{c.registry != "", c.client != nil, len(c.endpoints) > 0, len(c.brokers) > 0} {
		if given {
			places++
		}
	}
	c.require(places == 1, "want one of a registry, a registry's client, endpoints and a broker, got %d", places)
	return c, errors.Join(c.wrong...)
}

// require notes that an option is wrong unless it is right.
func (c *clientConfig) require(right bool, format string, args ...any) {
	if !right {
		c.wrong = append(c.wrong, fmt.Errorf(format, args...))
	}
}

// FromRegistry sets the registry that the client asks for instances. One that is
// away is waited for, or done without, with what was last known.
func FromRegistry(endpoint string) ClientOption {
	return clientOption(func(c *clientConfig) { c.registry = endpoint })
}

// FromRegistryClient is [FromRegistry] with a client that several share. It stays
// the caller's.
func FromRegistryClient(client *registry.Client) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.require(client != nil, "registry client: must not be nil")
		c.client = client
	})
}

// FromEndpoints sets where the instances are, for those who need no registry: each
// endpoint is one.
func FromEndpoints(endpoints ...string) ClientOption {
	return clientOption(func(c *clientConfig) { c.endpoints = append(c.endpoints, endpoints...) })
}

// FromBroker sets the broker that hands the client's calls on to its workers, which
// the client does not know then. One that is away is waited for, as an instance is;
// what it had and may be executed twice is tried again with its key. A server that is
// no broker takes the calls too, but for those with a target.
//
// Of several endpoints each is a broker of its own, and any of them may get a call, by
// [WithBalance]. Brokers know nothing of each other's workers: a call waits for one at
// each of them in turn, for a second at most or for its share of the time that it has,
// until its context, or its [call.WithWait], ends. That is not counted by [WithTries],
// though with one try it waits where it went first. A broker where a call waited in vain,
// or which said that it is UNAVAILABLE, is asked last for ten seconds, or until it
// answers a call. Calls with a target go to the workers of one broker, and a one-way
// call waits at one.
func FromBroker(endpoints ...string) ClientOption {
	return clientOption(func(c *clientConfig) { c.brokers = append(c.brokers, endpoints...) })
}

// WithBalance sets which of several instances gets a call. The default is
// [LeastOutstanding].
func WithBalance(b Balance) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.require(b <= RoundRobin, "balance %d: not known", b)
		c.balance = b
	})
}

// WithTries sets how often a call is tried at most: again if it was surely not
// executed, or if its method may be executed twice and the instance went away. 1
// is never again. The default is [DefaultTries].
func WithTries(most int) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.require(most > 0, "%d tries: must be positive", most)
		c.tries = most
	})
}

// WithPatience sets how long a call waits for an instance, or a broker, that can take
// it, if its context lasts that long. The default is [DefaultPatience].
func WithPatience(d time.Duration) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.require(d >= 0, "patience of %v: must not be negative", d)
		c.patience = d
	})
}

// WithClientHeartbeat sets how often both ends of a session send something, if the
// server agrees; see [call.WithHeartbeat].
func WithClientHeartbeat(every time.Duration) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.require(every >= time.Millisecond, "heartbeat of %v: must be a millisecond at least", every)
		c.heartbeat = every
	})
}

// WithClientInterceptors puts interceptors around every call, outside its tries,
// the first outermost.
func WithClientInterceptors(interceptors ...call.Interceptor) ClientOption {
	return clientOption(func(c *clientConfig) {
		isNil := func(i call.Interceptor) bool { return i == nil }
		c.require(!slices.ContainsFunc(interceptors, isNil), "interceptor: must not be nil")
		c.interceptors = append(c.interceptors, interceptors...)
	})
}

// WithClientSocket passes options on to the sockets of comm.
func WithClientSocket(options ...comm.Option) ClientOption {
	return clientOption(func(c *clientConfig) { c.socket = append(c.socket, options...) })
}
