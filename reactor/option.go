package reactor

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/mittere/mittere/internal/options"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/outbox"
	"github.com/mittere/mittere/reactor/internal/serving"
)

// The defaults of a reactor.
const (
	// DefaultStopTimeout is how long running handlers may take when the reactor
	// stops, before their contexts are cancelled.
	DefaultStopTimeout = 5 * time.Second
	// DefaultQueue is how many messages wait for each handler that may run at once.
	DefaultQueue = 64
	// DefaultCallQueue is how many calls wait for a handler.
	DefaultCallQueue = 1000
	// DefaultHeartbeat is how often both ends of a session send something, unless
	// the caller wants it less often: a second.
	DefaultHeartbeat = serving.DefaultHeartbeat
	// DefaultOutbox is how many replies wait for a peer that is slow to take them.
	DefaultOutbox = 1000
)

const (
	// lastWords is how long replies may take once the handlers' contexts are
	// cancelled, so that a handler that ends then can still tell its caller.
	lastWords = 500 * time.Millisecond
	// lastGrace is how long handlers have once their context is cancelled.
	lastGrace = time.Second
	// callQueueBytes bounds the calls that wait.
	callQueueBytes = 256 << 20
)

// config is what options set.
type config struct {
	serving.Config
	interceptors []Interceptor
	offer        *Offer // nil if there is none
	checks       options.Checks
}

// Hook is a function that a reactor calls by itself. In a sequential reactor it
// never runs beside a handler.
type Hook func(context.Context) error

// newConfig applies options to the defaults.
func newConfig(options []Option) config {
	c := config{Config: serving.Config{
		StopTimeout: DefaultStopTimeout, LastWords: lastWords, Grace: lastGrace, Waiting: DefaultQueue,
		Queue: DefaultCallQueue, QueueBytes: callQueueBytes, Heartbeat: DefaultHeartbeat,
		Outbox: DefaultOutbox, OutboxBytes: outbox.Bytes, Log: slog.Default(),
	}}
	for _, o := range options {
		o.apply(&c)
	}
	return c
}

// road returns what serving is made of.
func (c *config) road(handlers *Handlers, offer Offer) serving.Config {
	made := c.Config
	made.Handlers = handlers.serving(c.interceptors)
	made.Offer = offer.serving(made.Handlers, handlers.repeatable())
	return made
}

// Option sets how a reactor works. The set is sealed.
type Option interface{ apply(*config) }

// option is an Option made of a function.
type option func(*config)

func (o option) apply(c *config) { o(c) }

// WithPool lets up to n handlers run at once. Messages for which key returns the
// same text are handled one after the other, in the order in which they arrived;
// those for which it returns "" in any order. A nil key is "" for all. While
// [DefaultQueue] messages wait for each of the n, sockets that receive no commands are
// not received from. key is called for messages that have a handler, by one
// goroutine for each socket. The default is one handler at a time.
func WithPool(n int, key func(*messaging.Delivery) string) Option {
	return option(func(c *config) {
		c.checks.Require(n > 0, "pool of %d: must be positive", n)
		c.Workers, c.Key = n, key
	})
}

// WithInterceptors puts interceptors around every handler, the first outermost.
// [Recover] stands in front of them always.
func WithInterceptors(interceptors ...Interceptor) Option {
	return option(func(c *config) {
		isNil := func(i Interceptor) bool { return i == nil }
		c.checks.Require(!slices.ContainsFunc(interceptors, isNil), "interceptor: must not be nil")
		c.interceptors = append(c.interceptors, interceptors...)
	})
}

// WithStart calls a hook before the first message is received, with the context
// of Run. An error, or a panic, ends Run.
func WithStart(hook Hook) Option {
	return option(func(c *config) {
		c.checks.Require(hook != nil, "start hook: must not be nil")
		c.Start = append(c.Start, serving.Hook(hook))
	})
}

// WithTimer calls a hook again and again, at whole multiples of a time after the
// start. One that takes longer skips some. Errors and panics are logged and
// counted.
func WithTimer(every time.Duration, hook Hook) Option {
	return option(func(c *config) {
		c.checks.Require(every > 0, "timer every %v: must be positive", every)
		c.checks.Require(hook != nil, "timer every %v: the hook must not be nil", every)
		c.Timers = append(c.Timers, serving.Timer{Every: every, Hook: serving.Hook(hook)})
	})
}

// WithIdle calls a hook when no message has come and none was handled for a
// while, and again after each further while. Errors and panics are logged and
// counted. It follows the idle method of dīvidere's reactors.
func WithIdle(after time.Duration, hook Hook) Option {
	return option(func(c *config) {
		c.checks.Require(after > 0, "idle after %v: must be positive", after)
		c.checks.Require(hook != nil, "idle after %v: the hook must not be nil", after)
		c.Timers = append(c.Timers, serving.Timer{Every: after, Idle: true, Hook: serving.Hook(hook)})
	})
}

// WithStopTimeout sets how long running handlers may take when the reactor
// stops, before their contexts are cancelled. The default is
// [DefaultStopTimeout].
func WithStopTimeout(d time.Duration) Option {
	return option(func(c *config) {
		c.checks.Require(d >= 0, "stop timeout %v: must not be negative", d)
		c.StopTimeout = d
	})
}

// WithOutbox sets how many replies are kept for a peer that is slow to take
// them: of a Response, Router or Server for each peer, of a Dealer, Pair or Worker for
// all of them. Further ones are dropped, counted and logged, and calls are told
// [messaging.ResourceExhausted] in their place. As many items of streams are kept
// beside them; further ones wait. All that one socket keeps is bounded to 64 MiB
// besides, of which items take half at most. The default is [DefaultOutbox].
func WithOutbox(replies int) Option {
	return option(func(c *config) {
		c.checks.Require(replies >= 0, "outbox of %d: must not be negative", replies)
		c.Outbox = replies
	})
}

// WithCallQueue sets how many calls wait when as many run as may at once: one, or
// as many as [WithPool] says. Further ones are refused at once with code
// [messaging.ResourceExhausted], and so are those beyond 256 MiB. The default is
// [DefaultCallQueue].
func WithCallQueue(calls int) Option {
	return option(func(c *config) {
		c.checks.Require(calls >= 0, "call queue of %d: must not be negative", calls)
		c.Queue = calls
	})
}

// WithHeartbeat sets the least time between heartbeats that a caller may agree
// upon, and what a broker is asked for; three times what was agreed without a word ends
// a session, and what it had asked for. The default is [DefaultHeartbeat].
func WithHeartbeat(least time.Duration) Option {
	return option(func(c *config) {
		c.checks.Require(least >= time.Millisecond, "heartbeat of %v: must be a millisecond at least", least)
		c.Heartbeat = least
	})
}

// WithIdentity sets the service whose requests are served, and the name that the
// answers tell as who gave them. Requests for another service are refused with
// code [messaging.NotFound]. By default the service is not checked and the
// instance has no name.
func WithIdentity(service, instance string) Option {
	return option(func(c *config) { c.Service, c.Instance = service, instance })
}

// WithLogger sets where the reactor logs. The default is slog.Default().
func WithLogger(log *slog.Logger) Option {
	return option(func(c *config) {
		c.checks.Require(log != nil, "logger: must not be nil")
		c.Log = log
	})
}
