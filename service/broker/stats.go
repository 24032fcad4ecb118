package broker

import (
	"github.com/mittere/mittere/service/broker/internal/desk"
)

type (
	// ServiceView is one service and what it has to do.
	ServiceView = desk.ServiceView
	// WorkerView is one worker and what it does.
	WorkerView = desk.WorkerView
	// Counters is what happened to requests and workers.
	Counters = desk.Counters
	// Load is what a broker holds.
	Load = desk.Load
)

// Stats counts what a broker did, and tells what it holds.
type Stats struct {
	// Counters is what happened to requests and workers.
	Counters Counters
	// Load is what the broker holds now.
	Load Load
	// Peers is how many clients and workers are known.
	Peers int
	// Received and Sent count messages.
	Received, Sent uint64
	// Violations counts messages that are of no protocol, or break it.
	Violations uint64
	// Undeliverable counts messages whose receivers were gone, or took nothing, and those
	// that were too large.
	Undeliverable uint64
	// Waiting is how many messages wait now for slow consumers, and WaitingBytes how many
	// bytes those have.
	Waiting, WaitingBytes int
}

// Stats returns the broker's counters.
func (b *Broker) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Counters, s.Load, s.Peers = b.desk.Counters(), b.desk.Load(), len(b.peers)
	s.Waiting, s.WaitingBytes = b.backlog.messages, b.backlog.bytes
	return s
}

// Services returns the services that have workers or requests, ordered by name.
func (b *Broker) Services() []ServiceView {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.desk.Services()
}

// Workers returns the workers that are registered, ordered by name.
func (b *Broker) Workers() []WorkerView {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.desk.Workers()
}
