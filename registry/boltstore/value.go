package boltstore

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/registry/store"
)

// What is in the bucket:
//
//	key    length of the name (2 bytes, big endian), name, id
//	value  CRC-32C of key and entry (4 bytes, big endian), a mittere.v1.Entry
//
// bbolt has checksums for its meta pages only; those of the values find what a
// disk has changed.

// sumBytes is the length of the checksum.
const sumBytes = 4

// encode returns an entry as it is kept.
func encode(entry *mitterev1.Entry) (key, value []byte, err error) {
	key = encodeKey(store.KeyOf(entry))
	value, err = proto.MarshalOptions{}.MarshalAppend(make([]byte, sumBytes), entry)
	if err != nil {
		return nil, nil, message.Errorf(message.InvalidArgument, "entry %.40q: %w", key, err)
	}
	binary.BigEndian.PutUint32(value, sum(key, value[sumBytes:]))
	return key, value, nil
}

// encodeKey returns the key of an entry as it is kept.
func encodeKey(key store.Key) []byte {
	encoded := binary.BigEndian.AppendUint16(nil, uint16(len(key.Name)))
	return append(append(encoded, key.Name...), key.ID...)
}

// decode reads an entry that is kept, or returns DATA_LOSS.
func decode(key, value []byte) (*mitterev1.Entry, error) {
	if len(value) < sumBytes || binary.BigEndian.Uint32(value) != sum(key, value[sumBytes:]) {
		return nil, message.Errorf(message.DataLoss, "entry %.40q: wrong checksum", key)
	}
	entry := &mitterev1.Entry{}
	if err := proto.Unmarshal(value[sumBytes:], entry); err != nil {
		return nil, message.Errorf(message.DataLoss, "entry %.40q: %w", key, err)
	}
	if !bytes.Equal(key, encodeKey(store.KeyOf(entry))) {
		return nil, message.Errorf(message.DataLoss, "entry %.40q is kept under another key", key)
	}
	return entry, nil
}

// sum returns the checksum of a key and an entry.
func sum(key, entry []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli) // made once, by crc32
	return crc32.Update(crc32.Checksum(key, table), table, entry)
}
