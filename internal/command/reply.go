package command

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/protofield"
)

// The fields of mittere.v1.Reply.
const (
	replyCall     protowire.Number = 1
	replyMore     protowire.Number = 3
	replyIndex    protowire.Number = 4
	replyInstance protowire.Number = 5
	replyRefused  protowire.Number = 6
	replyWaited   protowire.Number = 7
	replyExecuted protowire.Number = 8
)

// usualReply reports whether a reply has nothing that is left to protobuf.
func usualReply(k *mitterev1.Reply) bool {
	return k != nil && k.Status == nil && !hasUnknown(k) && utf8.ValidString(k.Instance)
}

// sizeReply returns how many bytes appendReply writes.
func sizeReply(k *mitterev1.Reply) int {
	size := protofield.SizeVarint(k.Call) + protofield.SizeVarint(protowire.EncodeBool(k.More)) + protofield.SizeVarint(k.Index) + protofield.SizeString(k.Instance)
	return size + protofield.SizeVarint(protowire.EncodeBool(k.Refused)) + protofield.SizeVarint(uint64(k.WaitedNano)) + protofield.SizeVarint(uint64(k.ExecutedNano))
}

// appendReply appends a usual reply.
func appendReply(b []byte, k *mitterev1.Reply) []byte {
	b = protofield.AppendVarint(b, replyCall, k.Call)
	b = protofield.AppendVarint(b, replyMore, protowire.EncodeBool(k.More))
	b = protofield.AppendVarint(b, replyIndex, k.Index)
	b = protofield.AppendString(b, replyInstance, k.Instance)
	b = protofield.AppendVarint(b, replyRefused, protowire.EncodeBool(k.Refused))
	b = protofield.AppendVarint(b, replyWaited, uint64(k.WaitedNano))
	return protofield.AppendVarint(b, replyExecuted, uint64(k.ExecutedNano))
}

// readReply reads a usual reply; nil if it is none.
func readReply(b []byte) *mitterev1.Reply {
	k := new(mitterev1.Reply)
	for len(b) > 0 {
		f, n := nextField(b)
		if n == 0 || !replyField(k, &f) {
			return nil
		}
		b = b[n:]
	}
	return k
}

// replyField takes one field of a reply; false if it is left to protobuf.
func replyField(k *mitterev1.Reply, f *field) bool {
	switch f.tag {
	case byte(replyCall)<<3 | asVarint:
		k.Call = f.number
	case byte(replyMore)<<3 | asVarint:
		k.More = protowire.DecodeBool(f.number)
	case byte(replyIndex)<<3 | asVarint:
		k.Index = f.number
	case byte(replyInstance)<<3 | asBytes:
		return f.text(&k.Instance)
	case byte(replyRefused)<<3 | asVarint:
		k.Refused = protowire.DecodeBool(f.number)
	case byte(replyWaited)<<3 | asVarint:
		k.WaitedNano = int64(f.number)
	case byte(replyExecuted)<<3 | asVarint:
		k.ExecutedNano = int64(f.number)
	default:
		return false
	}
	return true
}
