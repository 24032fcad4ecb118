package registry

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/broadcast"
	"github.com/mittere/mittere/messaging"
)

// View is what is known of the instances of a name, or of all.
type View struct {
	// Entries are the instances, ordered by name and id. They are shared and may
	// not be changed.
	Entries []*mitterev1.Entry
	// Revision is the registry's when this was so.
	Revision uint64
	// Epoch is the registry's run that the revision is of.
	Epoch []byte
	// At is until when this is how it was: now if the view is live, else when the
	// registry was lost; the zero time if it never said anything. A registry that
	// hangs counts as there for a second and a half.
	At time.Time
	// Live says that the registry is there and would tell of a change.
	Live bool
}

// Age returns how old the view is: 0 if it is live, else how long ago the
// registry was lost.
func (v View) Age() time.Duration {
	if v.Live || v.At.IsZero() {
		return 0
	}
	return time.Since(v.At)
}

// watchOnce yields the registry's news until the connection is lost, and says why that was;
// more is false if yield wants no more. It notes in req what was told. A part of the table
// has no revision, so that a watcher that loses the rest begins again.
func (c *Client) watchOnce(ctx context.Context, req *mitterev1.WatchRequest, yield func(*mitterev1.WatchResponse) bool) (more bool, lost error) {
	for resp, err := range c.stub.Watch(ctx, proto.CloneOf(req)) {
		c.observe(err)
		if err != nil {
			return true, err
		}
		req.Epoch, req.Revision = resp.GetEpoch(), resp.GetRevision()
		if !yield(resp) {
			return false, nil
		}
	}
	return true, errNoNews
}

// Follower keeps a [View] up to date. All methods may be called by any number of
// goroutines at once.
type Follower struct {
	client *Client
	end    context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex // guards what follows
	mirror  mirror
	at      time.Time // when the registry was last there; zero if it never was
	live    bool
	why     error // why it is not
	changed broadcast.Signal
}

// Follow follows the instances of a name, of all if it is empty. It must be
// closed, or the client.
func (c *Client) Follow(name string) *Follower {
	ctx, cancel := context.WithCancel(c.closing)
	f := &Follower{client: c, end: cancel, done: make(chan struct{})}
	c.background.Go(func() {
		defer close(f.done)
		f.follow(ctx, &mitterev1.WatchRequest{Name: name})
	})
	return f
}

// follow takes news until ctx ends.
func (f *Follower) follow(ctx context.Context, req *mitterev1.WatchRequest) {
	for ctx.Err() == nil {
		_, why := f.client.watchOnce(ctx, req, f.take)
		f.lose(why)
		f.client.rest(ctx)
	}
}

// Close ends the following; the view stays as it is.
func (f *Follower) Close() {
	f.end()
	<-f.done
}

// take takes news. What is incomplete is told when it is complete.
func (f *Follower) take(resp *mitterev1.WatchResponse) bool {
	f.client.reportMalformed(resp)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mirror.apply(resp) {
		f.at, f.live = time.Now(), true
		f.tell()
	}
	return true
}

// lose notes that the registry is not there any more, or is none. Why it has told
// nothing at all yet is news too.
func (f *Follower) lose(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.why = why
	if f.live {
		f.at, f.live = time.Now(), false
		f.tell()
	} else if f.at.IsZero() {
		f.tell()
	}
}

// tell wakes the watchers, under the lock.
func (f *Follower) tell() {
	f.changed.Notify()
}

// View returns what is known now. It does not wait.
func (f *Follower) View() View {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.mirror.told
	v.At, v.Live = f.at, f.live
	if v.Live {
		v.At = time.Now()
	}
	return v
}

// Err returns why the registry tells nothing, nil while it does.
func (f *Follower) Err() error {
	away := f.client.Err()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.live {
		return nil
	}
	return cmp.Or(away, f.why, error(errNoNews))
}

// Pending reports whether the registry has told nothing yet, and may at any moment: it
// was asked, or is being connected to.
func (f *Follower) Pending() bool {
	conn := f.client.conn
	hopes := conn.Connecting() || conn.Ready()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at.IsZero() && f.why == nil && hopes
}

// Changed returns a channel that is closed when the registry has told something, or when
// it is known why it does not.
func (f *Follower) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed.Changed()
}

// Wait waits until the registry has told how it is at all.
func (f *Follower) Wait(ctx context.Context) error {
	for {
		changed, known := f.Changed(), f.known()
		if known {
			return nil
		}
		select {
		case <-changed:
		case <-f.done:
			return errClientClosed
		case <-ctx.Done():
			return messaging.WaitError(ctx, f.Err())
		}
	}
}

// errNoNews is why nothing is known though the registry answers.
var errNoNews = messaging.Errorf(messaging.Unavailable, "the registry has told nothing yet")

// known reports whether the registry has told anything.
func (f *Follower) known() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.at.IsZero()
}

// mirror is a copy of a registry's table, or of a part of it. It is pure state;
// its entries themselves are never changed.
type mirror struct {
	entries []*mitterev1.Entry
	told    View // as it was when it was complete
}

// apply brings the mirror up to date, and reports whether it is complete.
func (m *mirror) apply(resp *mitterev1.WatchResponse) (complete bool) {
	switch {
	case resp.GetSnapshot() != nil:
		m.entries = resp.GetSnapshot().GetEntries()
	case resp.GetChange() != nil:
		m.change(resp.GetChange())
	}
	if resp.GetEpoch() == nil {
		return false
	}
	m.told = View{Entries: slices.Clone(m.entries), Epoch: resp.GetEpoch(), Revision: resp.GetRevision()}
	return true
}

// change applies one change.
func (m *mirror) change(change *mitterev1.Change) {
	entry := change.GetEntry()
	i, found := slices.BinarySearchFunc(m.entries, entry, compareEntries)
	put := change.GetKind() == mitterev1.Change_KIND_PUT
	switch {
	case put && found:
		m.entries[i] = entry
	case put:
		m.entries = slices.Insert(m.entries, i, entry)
	case found:
		m.entries = slices.Delete(m.entries, i, i+1)
	}
}

// compareEntries orders entries by name and id.
func compareEntries(a, b *mitterev1.Entry) int {
	return cmp.Or(
		cmp.Compare(a.GetInstance().GetName(), b.GetInstance().GetName()),
		cmp.Compare(a.GetInstance().GetId(), b.GetInstance().GetId()),
	)
}
