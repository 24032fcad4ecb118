package service

import (
	"log/slog"
	"slices"
	"time"

	"github.com/mittere/mittere/messaging/call"
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
	// LeastOutstanding gives a call to the instance to which the client has given the
	// fewest that are not answered; among equals in turn.
	LeastOutstanding Balance = iota
	// RoundRobin gives calls to the instances in turn.
	RoundRobin
)

// clientConfig is what options of a client set.
type clientConfig struct {
	shared
	Source
	balance      Balance
	tries        int
	patience     time.Duration
	interceptors []call.Interceptor
}

// clientOption is a ClientOption made of a function.
type clientOption func(*clientConfig)

func (o clientOption) applyClient(c *clientConfig) { o(c) }

// newClientConfig applies options to the defaults.
func newClientConfig(from Source, options []ClientOption) clientConfig {
	c := clientConfig{
		shared: shared{heartbeat: call.DefaultHeartbeat, log: slog.Default()},
		Source: from, tries: DefaultTries, patience: DefaultPatience,
	}
	for _, o := range options {
		o.applyClient(&c)
	}
	c.checks.Require(from.isSet(), "no source: want a registry, a registry client, endpoints or a broker")
	return c
}

// WithBalance sets which of several instances gets a call. The default is
// [LeastOutstanding].
func WithBalance(b Balance) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.checks.Require(b <= RoundRobin, "balance %d: not known", b)
		c.balance = b
	})
}

// WithTries sets how often a call is tried at most: again if it was surely not
// executed, or if its method may be executed twice and the instance went away. 1
// is never again. The default is [DefaultTries].
func WithTries(most int) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.checks.Require(most > 0, "%d tries: must be positive", most)
		c.tries = most
	})
}

// WithPatience sets how long a call waits for an instance, or a broker, that can take
// it, if its context lasts that long. The default is [DefaultPatience].
func WithPatience(d time.Duration) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.checks.Require(d >= 0, "patience of %v: must not be negative", d)
		c.patience = d
	})
}

// WithCallInterceptors puts interceptors around every call of a client, outside its tries,
// the first outermost. Those of a server are of another type, see [WithInterceptors].
func WithCallInterceptors(interceptors ...call.Interceptor) ClientOption {
	return clientOption(func(c *clientConfig) {
		isNil := func(i call.Interceptor) bool { return i == nil }
		c.checks.Require(!slices.ContainsFunc(interceptors, isNil), "interceptor: must not be nil")
		c.interceptors = append(c.interceptors, interceptors...)
	})
}
