package zmtp

import (
	"encoding/binary"
	"math"
	"strings"
)

// The properties that every peer knows. libzmq compares them letter for letter.
const (
	propertySocketType = "Socket-Type"
	propertyIdentity   = "Identity"
)

// maxProperties bounds the properties of one peer.
const maxProperties = 64

// Property is one entry of a peer's metadata (RFC 37, "Metadata"). Names that
// begin with "X-" are the application's.
type Property struct {
	Name  string // 1 to 255 bytes
	Value []byte // at most 2^31-1 bytes
}

// appendMetadata appends the properties of a socket.
func appendMetadata(dst []byte, c *Config) []byte {
	dst = appendProperty(dst, propertySocketType, []byte(c.Type))
	if c.Type.named() {
		dst = appendProperty(dst, propertyIdentity, c.Identity)
	}
	for _, p := range c.Properties {
		dst = appendProperty(dst, p.Name, p.Value)
	}
	return dst
}

func appendProperty(dst []byte, name string, value []byte) []byte {
	dst = append(append(dst, byte(len(name))), name...)
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(value))), value...)
}

// learn copies the metadata in b into p, and says whether a socket of type own
// may talk to this peer. Names are taken in any case. libzmq takes a peer that
// does not tell its type, and so does this end.
func (p *Peer) learn(b []byte, own SocketType) error {
	for count := 0; len(b) > 0; count++ {
		if count == maxProperties {
			return fail(TooLarge, "metadata of more than %d properties", maxProperties)
		}
		property, rest, err := parseProperty(b)
		if err != nil {
			return err
		}
		p.set(property)
		b = rest
	}
	if p.Type != "" && !own.Speaks(p.Type) {
		return fail(TypeMismatch, "the peer is %.20q, this end %s", string(p.Type), own)
	}
	return checkIdentity(p.Identity)
}

// parseProperty returns a copy of the property at the front of b.
func parseProperty(b []byte) (p Property, rest []byte, err error) {
	const lengths = 1 + 4
	n := int(b[0])
	if n == 0 || len(b) < lengths+n {
		return Property{}, nil, fail(Malformed, "a property whose name is empty or cut")
	}
	name, b := b[1:1+n], b[1+n:]
	size := binary.BigEndian.Uint32(b)
	if b = b[4:]; size > math.MaxInt32 || int(size) > len(b) {
		return Property{}, nil, fail(Malformed, "property %q says that it has %d bytes", name, size)
	}
	return Property{Name: string(name), Value: append([]byte(nil), b[:size]...)}, b[size:], nil
}

func (p *Peer) set(property Property) {
	switch {
	case strings.EqualFold(property.Name, propertySocketType):
		p.Type = SocketType(property.Value)
	case strings.EqualFold(property.Name, propertyIdentity):
		p.Identity = property.Value
	default:
		p.Properties = append(p.Properties, property)
	}
}

// checkIdentity refuses routing ids that RFC 37 does not allow. One that begins
// with a zero byte could be taken for a name that a ROUTER gave.
func checkIdentity(id []byte) error {
	switch {
	case len(id) > math.MaxUint8:
		return fail(Malformed, "a routing id of %d bytes, above the limit of %d", len(id), math.MaxUint8)
	case len(id) > 0 && id[0] == 0:
		return fail(Malformed, "a routing id that begins with a zero byte")
	}
	return nil
}
