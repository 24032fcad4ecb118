package message

import (
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mittere/mittere/internal/protofield"
)

// PublisherID names a publisher: random bytes that it chose when it was made.
// The zero value names none.
type PublisherID [8]byte

// Meta tells where a message comes from and how it belongs with others. Its wire
// form is mittere.v1.Meta.
type Meta struct {
	// Publisher is who published the message, if it was published.
	Publisher PublisherID
	// Sequence counts from 1 for each publisher, type and subject; 0 is none.
	Sequence uint64
	// SentAt is when the message was sent by the sender's clock, to the
	// nanosecond, between the years 1678 and 2262. The zero time is unknown, and
	// so is the Unix epoch, which cannot be told from it on the wire.
	SentAt time.Time
	// Retained says that this is a cached last value with its old sequence.
	Retained bool
	// TraceParent and TraceState are the headers of W3C trace context.
	TraceParent, TraceState string
	// Metadata is what the user attached.
	Metadata map[string]string

	unknown []byte // fields of later versions
}

// The field numbers of mittere.v1.Meta.
const (
	metaPublisher   protowire.Number = 1
	metaSequence    protowire.Number = 2
	metaSentAt      protowire.Number = 3
	metaRetained    protowire.Number = 4
	metaTraceParent protowire.Number = 5
	metaTraceState  protowire.Number = 6
	metaMetadata    protowire.Number = 7
)

// isZero reports whether there is nothing to write.
func (m *Meta) isZero() bool {
	return m.Publisher == PublisherID{} && m.Sequence == 0 && m.sentAt() == 0 && !m.Retained &&
		m.TraceParent == "" && m.TraceState == "" && len(m.Metadata) == 0 && len(m.unknown) == 0
}

// sentAt returns SentAt as it travels.
func (m *Meta) sentAt() uint64 {
	if m.SentAt.IsZero() {
		return 0
	}
	return uint64(m.SentAt.UnixNano())
}

// size returns the number of bytes that append writes. All tags are one byte.
func (m *Meta) size() int {
	size := len(m.unknown)
	if m.Publisher != (PublisherID{}) {
		size += 1 + protowire.SizeBytes(len(m.Publisher))
	}
	size += protofield.SizeVarint(m.Sequence) + protofield.SizeVarint(m.sentAt()) + protofield.SizeVarint(protowire.EncodeBool(m.Retained))
	size += protofield.SizeString(m.TraceParent) + protofield.SizeString(m.TraceState)
	for key, value := range m.Metadata {
		size += 1 + protowire.SizeBytes(sizeEntry(key, value))
	}
	return size
}

// append appends the fields in order of their numbers, the metadata in order of
// its keys.
func (m *Meta) append(b []byte) []byte {
	if m.Publisher != (PublisherID{}) {
		b = protowire.AppendTag(b, metaPublisher, protowire.BytesType)
		b = protowire.AppendBytes(b, m.Publisher[:])
	}
	b = protofield.AppendVarint(b, metaSequence, m.Sequence)
	b = protofield.AppendVarint(b, metaSentAt, m.sentAt())
	b = protofield.AppendVarint(b, metaRetained, protowire.EncodeBool(m.Retained))
	b = protofield.AppendString(b, metaTraceParent, m.TraceParent)
	b = protofield.AppendString(b, metaTraceState, m.TraceState)
	return append(appendMetadata(b, m.Metadata), m.unknown...)
}

// appendMetadata appends the entries of the map.
func appendMetadata(b []byte, metadata map[string]string) []byte {
	if len(metadata) == 0 {
		return b
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		value := metadata[key]
		b = protowire.AppendTag(b, metaMetadata, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(sizeEntry(key, value)))
		b = protowire.AppendTag(b, 1, protowire.BytesType)
		b = protowire.AppendString(b, key)
		b = protowire.AppendTag(b, 2, protowire.BytesType)
		b = protowire.AppendString(b, value)
	}
	return b
}

// sizeEntry is the size of an entry of the metadata. Like protobuf's own
// encoders it writes both of its fields always.
func sizeEntry(key, value string) int {
	return 2 + protowire.SizeBytes(len(key)) + protowire.SizeBytes(len(value))
}

// decode reads the fields in b, on top of what m has, as protobuf merges.
func (m *Meta) decode(b []byte) error {
	for len(b) > 0 {
		f, err := nextField(b)
		if err == nil {
			err = m.decodeField(f)
		}
		if err != nil {
			return err
		}
		b = b[len(f.Whole):]
	}
	return nil
}

// decodeField takes one field. What it does not know is kept.
func (m *Meta) decodeField(f protofield.Field) error {
	n := f.Number
	switch {
	case f.Type == protowire.VarintType && n >= metaSequence && n <= metaRetained:
		m.setNumber(n, f.Varint())
		return nil
	case f.Type == protowire.BytesType && (n == metaPublisher || n >= metaTraceParent && n <= metaMetadata):
		return m.setBytes(n, f.Bytes())
	default:
		m.unknown = append(m.unknown, f.Whole...)
		return nil
	}
}

// setNumber takes a field of type varint.
func (m *Meta) setNumber(number protowire.Number, v uint64) {
	switch number {
	case metaSequence:
		m.Sequence = v
	case metaSentAt:
		m.SentAt = time.Time{}
		if v != 0 {
			m.SentAt = time.Unix(0, int64(v))
		}
	case metaRetained:
		m.Retained = protowire.DecodeBool(v)
	}
}

// setBytes takes a field of type bytes or string.
func (m *Meta) setBytes(number protowire.Number, v []byte) error {
	if number == metaPublisher {
		return m.setPublisher(v)
	}
	if number == metaMetadata {
		return m.setEntry(v)
	}
	if !utf8.Valid(v) {
		return notUTF8("trace context")
	}
	if number == metaTraceParent {
		m.TraceParent = string(v)
	} else {
		m.TraceState = string(v)
	}
	return nil
}

// setPublisher takes the publisher. An empty one is none, as in every decoder of
// protobuf.
func (m *Meta) setPublisher(v []byte) error {
	if len(v) != len(m.Publisher) && len(v) != 0 {
		return Errorf(InvalidArgument, "envelope: the publisher has %d bytes, not %d", len(v), len(m.Publisher))
	}
	m.Publisher = PublisherID{}
	copy(m.Publisher[:], v)
	return nil
}

// setEntry takes an entry of the metadata.
func (m *Meta) setEntry(b []byte) error {
	var entry [2]string // key, value
	for len(b) > 0 {
		f, err := nextField(b)
		if err != nil {
			return err
		}
		b = b[len(f.Whole):]
		if f.Type != protowire.BytesType || f.Number > 2 {
			continue
		}
		if !utf8.Valid(f.Bytes()) {
			return notUTF8("metadata")
		}
		entry[f.Number-1] = string(f.Bytes())
	}
	if m.Metadata == nil {
		m.Metadata = map[string]string{}
	}
	m.Metadata[entry[0]] = entry[1]
	return nil
}
