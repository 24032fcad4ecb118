// Package messagetest is what the tests of messages have in common: small messages, types
// without Go code, golden bytes, and short checks. Only tests use it.
package messagetest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging/message"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

// Must takes what a function returns: Must(F(...))(t) is its result, and any error fails
// the test.
func Must[T any](made T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
}

// Note returns a small message.
func Note(number int) *testv1.Note { return &testv1.Note{Text: "note", Number: int64(number)} }

// WantEqual checks that two messages are the same.
func WantEqual(t testing.TB, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// WantCode checks that an error is a typed one with this code, and returns it.
func WantCode(t testing.TB, err error, code message.Code) *message.Error {
	t.Helper()
	var typed *message.Error
	if !errors.As(err, &typed) {
		t.Fatalf("got %v of type %T, want *message.Error with code %v", err, err, code)
	}
	if typed.Code != code {
		t.Fatalf("got %v, want code %v", err, code)
	}
	return typed
}

// Hex is bytes that are written as hex digits with spaces between.
type Hex []byte

// UnmarshalText reads the digits.
func (h *Hex) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	return err
}

// Marshal serializes with maps in order of their keys.
func Marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	return Must(proto.MarshalOptions{Deterministic: true}.Marshal(m))(t)
}

// RandomBytes returns none, one, a few or many bytes.
func RandomBytes(r *rand.Rand) []byte {
	sizes := []int{0, 1, r.IntN(300), r.IntN(20000)}
	b := make([]byte, sizes[r.IntN(len(sizes))])
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// RandomText returns text that is empty, short, not ASCII, or longer than a
// length of one byte can tell.
func RandomText(r *rand.Rand) string {
	texts := []string{"", "7", "room", "dīvidere", "\x00\x12", fmt.Sprint(r.Uint64()), string(RandomLetters(r, 100+r.IntN(100)))}
	return texts[r.IntN(len(texts))]
}

// RandomLetters returns n letters.
func RandomLetters(r *rand.Rand, n int) []byte {
	const letters = "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return b
}

// RandomNumber returns a number of any length in bits, never 0.
func RandomNumber(r *rand.Rand) uint64 { return r.Uint64()>>r.IntN(64) | 1 }
