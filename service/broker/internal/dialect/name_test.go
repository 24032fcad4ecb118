package dialect_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/mittere/mittere/service/broker/internal/dialect"
)

func TestWorkerIsNamedByItsRoutingIDOrItsHex(t *testing.T) {
	long := strings.Repeat("\x00", 128)
	hash := sha256.Sum256([]byte(long))
	for id, want := range map[string]string{
		"worker 1":                  "worker 1",
		"wörker":                    "wörker",
		"\x00\x80\x00\x41\xa7":      "00800041a7",
		"a\nb":                      "610a62",
		"\xff":                      "ff",
		strings.Repeat("x", 255):    strings.Repeat("x", 255),
		strings.Repeat("\x00", 127): strings.Repeat("00", 127),
		long:                        hex.EncodeToString(hash[:]),
	} {
		if got := dialect.WorkerName(id); got != want || len(got) > dialect.LongestName {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
}
