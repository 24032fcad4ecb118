package registry

import (
	"context"
	"log/slog"
	"time"

	"github.com/mittere/mittere/internal/ratelog"
	"github.com/mittere/mittere/messaging"
)

const (
	// firstPatience is how long a registry may take to be there at first before that is
	// worth a line in the log.
	firstPatience = 3 * time.Second
	// remindEvery is how often a client says that the registry is still away.
	remindEvery = time.Minute
)

// report tells a log when the registry is away and when it is back. It is state of one
// goroutine; the time is a parameter.
type report struct {
	log   *ratelog.Log
	args  []any     // of each line
	met   bool      // the registry was there once
	since time.Time // when it was lost, or first missed; zero while it is there
	said  time.Time // when it was last said that it is away; zero if it was not
}

// reportRegistry logs whether the registry is there until ctx ends.
func (c *Client) reportRegistry(ctx context.Context) {
	r := &report{log: c.limited, args: []any{"registry", c.Endpoint()}}
	for {
		changed, strange := c.conn.Changed(), c.strangeChanged()
		r.met = r.met || c.conn.Session() != 0 // and be it no registry, which can be known at once
		var again <-chan time.Time
		if d := r.look(time.Now(), c.Err()); d > 0 {
			again = time.After(d)
		}
		select {
		case <-changed:
		case <-strange:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// look takes what is so now, why there is no registry or nil, and returns when to look
// again at the latest; 0 is not before something changes.
func (r *report) look(now time.Time, why error) (next time.Duration) {
	if why == nil {
		r.back(now)
		return 0
	}
	if r.since.IsZero() {
		r.since = now
	}
	due := r.since
	switch {
	case !r.said.IsZero():
		due = r.said.Add(remindEvery)
	case !r.met:
		due = r.since.Add(firstPatience)
	}
	if now.Before(due) {
		return due.Sub(now)
	}
	r.away(now, why)
	return remindEvery
}

// back notes that the registry is there, and says so if it was said that it is not.
func (r *report) back(now time.Time) {
	if !r.said.IsZero() {
		r.log.Write(slog.LevelInfo, "the registry is back", append(r.args, "after", now.Sub(r.since).Round(time.Millisecond))...)
	}
	r.met, r.since, r.said = true, time.Time{}, time.Time{}
}

// away says that the registry is not there.
func (r *report) away(now time.Time, why error) {
	message := "the registry is away"
	switch {
	case !r.said.IsZero():
		message = "the registry is still away"
	case !r.met:
		message = "the registry does not answer yet"
	}
	r.log.Write(slog.LevelWarn, message, append(r.args, "for", now.Sub(r.since).Round(time.Millisecond), "error", why)...)
	r.said = now
}

// Err returns why nothing can be asked of the registry, nil if it is there: it is away,
// or what is at its endpoint is no registry.
func (c *Client) Err() error {
	if c.conn.Session() == 0 {
		if err := c.conn.Err(); err != nil {
			return err
		}
		return errPending
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.strange
}

// observe notes what an answer says of the server: one that knows no method of a
// registry is none. Other errors say nothing of it.
func (c *Client) observe(err error) {
	var strange error
	switch messaging.CodeOf(err) {
	case messaging.OK:
	case messaging.Unimplemented:
		strange = messaging.Errorf(messaging.Unavailable, "what is at %s is no registry: %w", c.Endpoint(), err)
	default:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if (strange == nil) == (c.strange == nil) {
		return
	}
	c.strange = strange
	c.changed.Notify()
}

// strangeChanged returns what is closed when it is known anew whether the server is a
// registry.
func (c *Client) strangeChanged() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed.Changed()
}
