package message

import (
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"
)

// Encoder writes the envelopes of messages into buffers that are used again. The zero
// value is ready. All methods may be called by any number of goroutines at once.
type Encoder struct {
	buffers sync.Pool // of *[]byte
}

// maxNumbersSize is the most that the head of field 3 and what a publisher adds to
// it take up. Room for it is made before a large body is written, not by copying
// it.
const maxNumbersSize = 48

// MaxKeptBuffer is the bytes of the largest buffer that is kept for the next message.
const MaxKeptBuffer = 64 << 10

// Begin returns a buffer with the envelope of m, but for what [Envelope.AppendTail]
// appends. It is the caller's until Free.
func (c *Encoder) Begin(e *Envelope, m proto.Message) (*[]byte, error) {
	buffer, ok := c.buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	size := proto.Size(m)
	b := appendAnyHead(e.AppendHead((*buffer)[:0]), e.Type, size)
	b = slices.Grow(b, size+e.Meta.size()+maxNumbersSize)
	b, err := appendBody(b, e, m, size)
	*buffer = b
	if err != nil {
		c.Free(buffer)
		return nil, err
	}
	return buffer, nil
}

// Free gives a buffer back.
func (c *Encoder) Free(buffer *[]byte) {
	if cap(*buffer) <= MaxKeptBuffer {
		c.buffers.Put(buffer)
	}
}

// AppendPacked appends the envelope of a message to b, which grows as needed.
func AppendPacked(b []byte, m proto.Message, options ...Option) ([]byte, error) {
	e, err := Describe(m, options)
	if err != nil {
		return nil, err
	}
	size := proto.Size(m)
	b = slices.Grow(b, size+2*len(e.Type)+headOverhead)
	b = appendAnyHead(e.AppendHead(b), e.Type, size)
	if b, err = appendBody(b, &e, m, size); err != nil {
		return nil, err
	}
	return e.AppendTail(b), nil
}

// headOverhead is at least what an envelope without Meta adds to its body and twice the
// name of its type.
const headOverhead = 48

// appendBody appends a message whose size was asked for before.
func appendBody(b []byte, e *Envelope, m proto.Message, size int) ([]byte, error) {
	start := len(b)
	b, err := proto.MarshalOptions{UseCachedSize: true, Deterministic: true}.MarshalAppend(b, m)
	if err == nil && len(b) != start+size {
		err = Errorf(Internal, "marshal %s: the message was changed meanwhile", e.Type)
	}
	if err != nil {
		return b, unfit("marshal", e.Type, err)
	}
	return b, nil
}
