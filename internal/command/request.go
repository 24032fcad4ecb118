package command

import (
	"bytes"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/protofield"
)

// The fields of mittere.v1.Request and of mittere.v1.Key.
const (
	requestCall        protowire.Number = 1
	requestSession     protowire.Number = 2
	requestKey         protowire.Number = 3
	requestService     protowire.Number = 4
	requestMethod      protowire.Number = 5
	requestTimeout     protowire.Number = 7
	requestWait        protowire.Number = 8
	requestSentAt      protowire.Number = 9
	requestAttempt     protowire.Number = 10
	requestCredit      protowire.Number = 11
	requestIdempotency protowire.Number = 12
	requestOneWay      protowire.Number = 13
	requestTraceparent protowire.Number = 14
	requestTracestate  protowire.Number = 15

	keyInstance protowire.Number = 1
	keyNumber   protowire.Number = 2
	keySettled  protowire.Number = 3
)

// usualRequest reports whether a request has nothing that is left to protobuf.
func usualRequest(k *mitterev1.Request) bool {
	return k != nil && k.Target == nil && len(k.Metadata) == 0 && !k.FailFast && !hasUnknown(k) &&
		(k.Key == nil || !hasUnknown(k.Key)) && utf8.ValidString(k.Service) && utf8.ValidString(k.Method) &&
		utf8.ValidString(k.Traceparent) && utf8.ValidString(k.Tracestate)
}

// sizeRequest returns how many bytes appendRequest writes.
func sizeRequest(k *mitterev1.Request) int {
	size := protofield.SizeVarint(k.Call) + protofield.SizeFixed64(k.Session) + protofield.SizeString(k.Service) + protofield.SizeString(k.Method)
	if k.Key != nil {
		size += 1 + protowire.SizeBytes(sizeKey(k.Key))
	}
	size += protofield.SizeVarint(uint64(k.TimeoutNano)) + protofield.SizeVarint(uint64(k.WaitNano)) + protofield.SizeVarint(uint64(k.SentAtNano))
	size += protofield.SizeVarint(uint64(k.Attempt)) + protofield.SizeVarint(uint64(k.Credit)) + protofield.SizeVarint(uint64(k.Idempotency))
	return size + protofield.SizeVarint(protowire.EncodeBool(k.OneWay)) + protofield.SizeString(k.Traceparent) + protofield.SizeString(k.Tracestate)
}

// appendRequest appends a usual request.
func appendRequest(b []byte, k *mitterev1.Request) []byte {
	b = protofield.AppendVarint(b, requestCall, k.Call)
	b = protofield.AppendFixed64(b, requestSession, k.Session)
	if k.Key != nil {
		b = protowire.AppendTag(b, requestKey, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(sizeKey(k.Key)))
		b = appendKey(b, k.Key)
	}
	b = protofield.AppendString(b, requestService, k.Service)
	b = protofield.AppendString(b, requestMethod, k.Method)
	b = protofield.AppendVarint(b, requestTimeout, uint64(k.TimeoutNano))
	b = protofield.AppendVarint(b, requestWait, uint64(k.WaitNano))
	b = protofield.AppendVarint(b, requestSentAt, uint64(k.SentAtNano))
	b = protofield.AppendVarint(b, requestAttempt, uint64(k.Attempt))
	b = protofield.AppendVarint(b, requestCredit, uint64(k.Credit))
	b = protofield.AppendVarint(b, requestIdempotency, uint64(k.Idempotency))
	b = protofield.AppendVarint(b, requestOneWay, protowire.EncodeBool(k.OneWay))
	b = protofield.AppendString(b, requestTraceparent, k.Traceparent)
	return protofield.AppendString(b, requestTracestate, k.Tracestate)
}

// sizeKey returns how many bytes appendKey writes.
func sizeKey(k *mitterev1.Key) int {
	size := protofield.SizeVarint(k.Number) + protofield.SizeVarint(k.Settled)
	if len(k.Instance) > 0 {
		size += 1 + protowire.SizeBytes(len(k.Instance))
	}
	return size
}

// appendKey appends a key.
func appendKey(b []byte, k *mitterev1.Key) []byte {
	if len(k.Instance) > 0 {
		b = protowire.AppendTag(b, keyInstance, protowire.BytesType)
		b = protowire.AppendBytes(b, k.Instance)
	}
	b = protofield.AppendVarint(b, keyNumber, k.Number)
	return protofield.AppendVarint(b, keySettled, k.Settled)
}

// readRequest reads a usual request; nil if it is none.
func readRequest(b []byte) *mitterev1.Request {
	k := new(mitterev1.Request)
	for len(b) > 0 {
		f, n := nextField(b)
		if n == 0 || !requestField(k, &f) {
			return nil
		}
		b = b[n:]
	}
	return k
}

// requestField takes one field of a request; false if it is left to protobuf.
func requestField(k *mitterev1.Request, f *field) bool {
	switch f.tag {
	case byte(requestCall)<<3 | asVarint:
		k.Call = f.number
	case byte(requestSession)<<3 | asFixed:
		k.Session = f.number
	case byte(requestKey)<<3 | asBytes:
		if k.Key != nil { // two are merged
			return false
		}
		k.Key = readKey(f.bytes)
		return k.Key != nil
	case byte(requestService)<<3 | asBytes:
		return f.text(&k.Service)
	case byte(requestMethod)<<3 | asBytes:
		return f.text(&k.Method)
	case byte(requestTimeout)<<3 | asVarint:
		k.TimeoutNano = int64(f.number)
	case byte(requestWait)<<3 | asVarint:
		k.WaitNano = int64(f.number)
	case byte(requestSentAt)<<3 | asVarint:
		k.SentAtNano = int64(f.number)
	case byte(requestAttempt)<<3 | asVarint:
		k.Attempt = uint32(f.number)
	case byte(requestCredit)<<3 | asVarint:
		k.Credit = uint32(f.number)
	case byte(requestIdempotency)<<3 | asVarint:
		k.Idempotency = mitterev1.Idempotency(f.number)
	case byte(requestOneWay)<<3 | asVarint:
		k.OneWay = protowire.DecodeBool(f.number)
	case byte(requestTraceparent)<<3 | asBytes:
		return f.text(&k.Traceparent)
	case byte(requestTracestate)<<3 | asBytes:
		return f.text(&k.Tracestate)
	default:
		return false
	}
	return true
}

// readKey reads a key; nil if it is left to protobuf.
func readKey(b []byte) *mitterev1.Key {
	k := new(mitterev1.Key)
	for len(b) > 0 {
		f, n := nextField(b)
		if n == 0 {
			return nil
		}
		switch f.tag {
		case byte(keyInstance)<<3 | asBytes:
			k.Instance = bytes.Clone(f.bytes)
		case byte(keyNumber)<<3 | asVarint:
			k.Number = f.number
		case byte(keySettled)<<3 | asVarint:
			k.Settled = f.number
		default:
			return nil
		}
		b = b[n:]
	}
	return k
}
