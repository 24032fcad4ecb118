package boltstore

import (
	"bytes"
	"encoding/hex"
	"testing"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
)

// golden is an entry whose bytes in the file must never change.
func golden() *mitterev1.Entry {
	return &mitterev1.Entry{
		Instance:  &mitterev1.Instance{Name: "calc", Id: "1", Endpoints: []string{"tcp://127.0.0.1:5555"}},
		LeaseNano: 5e9,
		Revision:  7,
	}
}

const (
	goldenKey   = "000463616c6331"
	goldenValue = "4c84869a0a1f0a0463616c631201311a147463703a2f2f3132372e302e302e313a353535351080e497d0122007"
)

func TestEntriesAreKeptAsTheyEverWere(t *testing.T) {
	key, value, err := encode(golden())
	if err != nil {
		t.Fatal(err)
	}
	if k, v := hex.EncodeToString(key), hex.EncodeToString(value); k != goldenKey || v != goldenValue {
		t.Errorf("kept as %s: %s", k, v)
	}
	if read, err := decode(key, value); err != nil || !proto.Equal(read, golden()) {
		t.Errorf("read again as %v (%v)", read, err)
	}
}

func TestEntryUnderAnotherKeyIsDataLoss(t *testing.T) {
	key, value, err := encode(golden())
	if err != nil {
		t.Fatal(err)
	}
	for i := range key {
		other := bytes.Clone(key)
		other[i]++
		if _, err := decode(other, value); messaging.CodeOf(err) != messaging.DataLoss {
			t.Errorf("under %x: %v", other, err)
		}
	}
}

func FuzzEntry(f *testing.F) {
	key, value, err := encode(golden())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key, value[sumBytes:])
	f.Add([]byte{}, []byte{})
	f.Add([]byte{0, 0}, []byte{})
	f.Fuzz(func(t *testing.T, key, entry []byte) {
		// With the right checksum, or the fuzzer would get no further than that.
		value := append([]byte{0, 0, 0, 0}, entry...)
		for i, b := range []byte{24, 16, 8, 0} {
			value[i] = byte(sum(key, entry) >> b)
		}
		read, err := decode(key, value)
		if err != nil {
			if messaging.CodeOf(err) != messaging.DataLoss {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		againKey, againValue, err := encode(read)
		if err != nil || !bytes.Equal(againKey, key) {
			t.Fatalf("%v is kept again under %x, not %x (%v)", read, againKey, key, err)
		}
		if again, err := decode(againKey, againValue); err != nil || !proto.Equal(again, read) {
			t.Fatalf("%v becomes %v (%v)", read, again, err)
		}
	})
}
