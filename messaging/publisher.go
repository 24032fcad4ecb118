package messaging

import (
	"context"
	"crypto/rand"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging/message"
)

// Publisher sends messages to all subscribers that select them. It follows
// dīvidere's messaging.Publisher.
type Publisher struct {
	Socket
	pub     *comm.Publisher
	encoder message.Encoder
	id      PublisherID // zero if messages are not numbered

	turn    chan struct{} // holds a token; its holder owns the rest
	numbers recent
	key     []byte
}

// NewPublisher returns a publisher at these endpoints, which it binds.
func NewPublisher(ctx *comm.Context, endpoints string, options ...PublisherOption) (*Publisher, error) {
	c := newConfig()
	for _, o := range options {
		o.applyPublisher(&c)
	}
	socket := []comm.PublisherOption{comm.WithOverflow(c.overflow)}
	for _, o := range c.socket {
		socket = append(socket, o)
	}
	pub, err := comm.NewPublisher(ctx, endpoints, socket...)
	if err != nil {
		return nil, FromComm(err)
	}
	p := &Publisher{Socket: Socket{s: pub.Socket}, pub: pub, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	if !c.unnumbered {
		_, _ = rand.Read(p.id[:]) // never fails
	}
	return p, nil
}

// Send publishes a message. It does not wait, unless [WithOverflow] says Block:
// then until all its subscribers have room, or ctx ends. An error means that
// nobody got the message.
func (p *Publisher) Send(ctx context.Context, m proto.Message, options ...SendOption) error {
	e, err := message.Describe(m, options)
	if err != nil {
		return err
	}
	frame, err := p.encoder.Begin(&e, m)
	if err != nil {
		return err
	}
	defer p.encoder.Free(frame)
	if p.id == (PublisherID{}) {
		*frame = e.AppendTail(*frame)
		return p.sendFrame(ctx, *frame)
	}
	return p.sendNumbered(ctx, &e, frame)
}

// sendNumbered completes a frame with its number and sends it. Numbers are given
// and messages sent in one turn: in the other order a subscriber would see gaps
// where two goroutines publish. A number whose message was not sent is given to
// the next.
func (p *Publisher) sendNumbered(ctx context.Context, e *Envelope, frame *[]byte) error {
	select {
	case <-p.turn:
	case <-ctx.Done():
		return ended(ctx)
	}
	defer func() { p.turn <- struct{}{} }()
	last := p.lastNumber(e)
	e.Meta.Publisher, e.Meta.SentAt = p.id, time.Now()
	if last != nil {
		e.Meta.Sequence = *last + 1
	}
	*frame = e.AppendTail(*frame)
	err := p.sendFrame(ctx, *frame)
	if err == nil && last != nil {
		*last++
	}
	return err
}

// lastNumber returns the number under the envelope's key, nil if the key is too
// long.
func (p *Publisher) lastNumber(e *Envelope) *uint64 {
	p.key = e.AppendHead(p.key[:0])
	if len(p.key) > longestKey-len(p.id) {
		return nil
	}
	last, _ := p.numbers.at(p.key)
	return last
}

// sendFrame hands a frame to comm.
func (p *Publisher) sendFrame(ctx context.Context, frame []byte) error {
	return FromComm(p.pub.Send(ctx, comm.NewMessage(frame)))
}

// Subscribers returns how many subscriptions select messages of the type of m
// with this subject. A subscriber counts once for each topic that does, a proxy
// once for all that are behind it.
func (p *Publisher) Subscribers(m proto.Message, subject ...string) int {
	return p.pub.Subscribers(OfSubject(m, subject...).Prefix())
}

// WaitForSubscribers waits until Subscribers is at least n. Messages sent after
// that reach them: no first message is lost.
func (p *Publisher) WaitForSubscribers(ctx context.Context, n int, m proto.Message, subject ...string) error {
	return FromComm(p.pub.WaitForSubscribers(ctx, n, OfSubject(m, subject...).Prefix()))
}

// ID returns what names this publisher in [Meta]; the zero value if its messages
// are not numbered.
func (p *Publisher) ID() PublisherID { return p.id }
