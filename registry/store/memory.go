package store

import (
	"context"
	"net"
	"sync"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging/message"
)

// Memory is a [Store] that keeps nothing beyond the process. It is for tests, and
// where services register again by themselves soon enough. Its zero value is
// empty and ready; it must not be copied after that.
type Memory struct {
	mu      sync.Mutex
	entries map[Key]*mitterev1.Entry
	closed  bool
}

// Load returns all entries.
func (m *Memory) Load(ctx context.Context) ([]*mitterev1.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	entries := make([]*mitterev1.Entry, 0, len(m.entries))
	for _, entry := range m.entries {
		entries = append(entries, proto.CloneOf(entry))
	}
	return entries, nil
}

// Put keeps entries until the process ends.
func (m *Memory) Put(ctx context.Context, entries ...*mitterev1.Entry) error {
	for _, entry := range entries {
		if err := CheckEntry(entry); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	if m.entries == nil {
		m.entries = map[Key]*mitterev1.Entry{}
	}
	for _, entry := range entries {
		m.entries[KeyOf(entry)] = proto.CloneOf(entry)
	}
	return nil
}

// Delete removes entries.
func (m *Memory) Delete(ctx context.Context, keys ...Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	for _, key := range keys {
		delete(m.entries, key)
	}
	return nil
}

// Close forgets all entries.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries, m.closed = nil, true
	return nil
}

// usable returns an error if the context has ended or the store is closed.
func (m *Memory) usable(ctx context.Context) error {
	if ctx.Err() != nil {
		return message.AsError(ctx.Err())
	}
	if m.closed {
		return message.Errorf(message.Unavailable, "the store in memory: %w", net.ErrClosed)
	}
	return nil
}
