package serving

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// Config is what a road is made of.
type Config struct {
	// Handlers are where it leads.
	Handlers Handlers
	// Workers is how many handlers run at once; 0 is one at a time, and no hook beside it.
	Workers int
	// Key returns by what messages are kept in order; nil if nothing is.
	Key func(*messaging.Delivery) string
	// Queue and QueueBytes bound the requests that wait where others are refused.
	Queue, QueueBytes int
	// Waiting bounds the messages that wait elsewhere, for each handler that may run.
	Waiting int
	// Outbox and OutboxBytes bound the answers that wait for slow consumers.
	Outbox, OutboxBytes int
	// Heartbeat is the least time between heartbeats that is agreed.
	Heartbeat time.Duration
	// Service and Instance are whose requests are served and who answers; empty for any
	// and for nobody.
	Service, Instance string
	// Offer is what brokers are offered.
	Offer Offer
	// Start are the hooks that are called before anything is received.
	Start []Hook
	// Timers are the hooks that are called again and again.
	Timers []Timer
	// StopTimeout is how long handlers may take before their contexts are cancelled, LastWords
	// how long answers may take then, and Grace how long handlers may ignore it.
	StopTimeout, LastWords, Grace time.Duration
	// Log is where it logs.
	Log *slog.Logger
}

// Offer is what brokers are offered.
type Offer struct {
	// Name tells the worker from others.
	Name string
	// Renames reports whether it comes back under another name if its own is taken.
	Renames bool
	// Services are the names under which requests come.
	Services []string
	// Instance identifies the worker in its Hello.
	Instance []byte
	// Ready returns the offer as it travels in a session, under a name.
	Ready func(session uint64, name string) proto.Message
}

// Hook is a function that is called without a message.
type Hook func(context.Context) error

// Timer is a hook with its time.
type Timer struct {
	// Every is the time between two calls.
	Every time.Duration
	// Idle reports whether it counts from the last message.
	Idle bool
	// Hook is what is called.
	Hook Hook
}
