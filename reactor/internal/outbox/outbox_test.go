package outbox

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mittere/mittere/internal/leaktest"
	"github.com/mittere/mittere/messaging"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// pipe is where messages go, which takes none while it is closed: sending waits.
type pipe struct {
	open chan struct{}
	sent []string
}

// parcel is a message of a size.
type parcel struct {
	*pipe
	name string
	size int
	bad  error
}

func (p *parcel) Peer() string                      { return "peer" }
func (p *parcel) Size() int                         { return p.size - overhead }
func (p *parcel) Check() error                      { return p.bad }
func (p *parcel) Keep() func(context.Context) error { return p.Send }
func (p *parcel) Send(ctx context.Context) error {
	select {
	case <-p.open:
		p.sent = append(p.sent, p.name)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newNarrow returns an outbox of two replies, two items and 1,000 bytes, and a closed pipe.
func newNarrow() (*Outbox, *pipe) {
	o := New(Config{Limit: 2, Bytes: 1000, Sent: func(Message) {}, Evicted: func(string, int) {}})
	return o, &pipe{open: make(chan struct{})}
}

func TestOutboxBoundsEachRankAndKeepsTheOrder(t *testing.T) {
	o, p := newNarrow()
	bad := errors.New("too long")
	for _, c := range []struct {
		name string
		rank Rank
		size int
		bad  error
		want error
	}{
		{"item 1", Item, 300, nil, nil},
		{"item of more than half", Item, 300, nil, ErrFull},
		{"item 2", Item, 200, nil, nil},
		{"item 3", Item, 1, nil, ErrFull},
		{"one that can never be sent", Reply, 300, bad, bad},
		{"reply 1", Reply, 300, nil, nil},
		{"reply of too many bytes", Reply, 300, nil, ErrFull},
		{"reply 2", Reply, 200, nil, nil},
		{"reply 3", Reply, 0, nil, ErrFull},
		{"last", Last, 250, nil, nil},
		{"last beyond a quarter more", Last, 1, nil, ErrFull},
	} {
		if err := o.Send(t.Context(), &parcel{p, c.name, c.size, c.bad}, c.rank); err != c.want {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	if o.Len() != 5 || o.Size() != 1250 {
		t.Errorf("%d messages of %d bytes are kept", o.Len(), o.Size())
	}
	close(p.open)
	last := make(chan struct{})
	close(last)
	if left := o.Run(t.Context(), last, func(err error) { t.Error(err) }); left != 0 || !o.Wait(t.Context()) || o.Size() != 0 {
		t.Errorf("%d are left, %d bytes", left, o.Size())
	}
	if want := []string{"item 1", "item 2", "reply 1", "reply 2", "last"}; !slices.Equal(p.sent, want) {
		t.Errorf("sent %q, want %q", p.sent, want)
	}
}

func TestNothingIsKeptForAPeerThatWasEvicted(t *testing.T) {
	o, p := newNarrow()
	if err := o.Send(t.Context(), &parcel{p, "one", 300, nil}, Reply); err != nil {
		t.Fatal(err)
	}
	if lost := o.EvictIdle(time.Now().Add(-time.Hour)); lost != 0 {
		t.Errorf("%d messages of a peer that was waited for a moment are dropped", lost)
	}
	if lost := o.EvictIdle(time.Now()); lost != 1 || o.Len() != 0 {
		t.Errorf("%d messages are dropped, and %d kept", lost, o.Len())
	}
	if err := o.Send(t.Context(), &parcel{p, "two", 300, nil}, Reply); messaging.CodeOf(err) != messaging.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestOfferedMessagesTakeNoRoom(t *testing.T) {
	o, p := newNarrow()
	if err := o.Offer(t.Context(), &parcel{p, "progress", 300, nil}); err != nil || o.Len() != 0 {
		t.Errorf("got %v, and %d are kept", err, o.Len())
	}
	close(p.open)
	if err := o.Offer(t.Context(), &parcel{p, "progress", 300, nil}); err != nil || len(p.sent) != 1 {
		t.Errorf("got %v, and sent %q", err, p.sent)
	}
}
