package messaging_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// hexBlock is bytes in docs/wire.md: named like a vector, with comments behind "#".
var hexBlock = regexp.MustCompile("(?ms)^```hex (\\S+)\n(.*?)^```$")

// golden returns all golden bytes by name.
func golden(t *testing.T) map[string][]byte {
	t.Helper()
	frames := map[string][]byte{}
	all := readVectors(t)
	for _, v := range all.Envelopes {
		frames[v.Name] = v.Hex
	}
	for _, v := range all.Topics {
		frames[v.Name] = v.Hex
	}
	for _, v := range readCommands(t).Commands {
		if _, taken := frames[v.Name]; taken {
			t.Fatalf("two golden frames have the name %s", v.Name)
		}
		frames[v.Name] = v.Frames[0]
	}
	return frames
}

func TestBytesInTheWireDocumentAreGolden(t *testing.T) {
	document := string(must(os.ReadFile("../docs/wire.md"))(t))
	frames := golden(t)
	blocks := hexBlock.FindAllStringSubmatch(document, -1)
	if fences := strings.Count(document, "```hex"); len(blocks) != fences || fences < 10 {
		t.Fatalf("%d blocks of bytes, %d are read", fences, len(blocks))
	}
	for _, block := range blocks {
		t.Run(block[1], func(t *testing.T) {
			var shown hexBytes
			text := regexp.MustCompile("(?m)#.*$").ReplaceAllString(block[2], "")
			if err := shown.UnmarshalText([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if want, there := frames[block[1]]; !there || !bytes.Equal(shown, want) {
				t.Errorf("the document shows % x, the vectors have % x", shown, want)
			}
		})
	}
}

func TestLimitsInTheWireDocumentAreThoseOfTheCode(t *testing.T) {
	document := string(must(os.ReadFile("../docs/wire.md"))(t))
	for _, sentence := range []string{
		fmt.Sprintf("at least the %s keys", thousands(messaging.SequenceKeys)),
		fmt.Sprintf("more than %s bytes", thousands(messaging.LongestKey)),
		fmt.Sprintf("%d MiB by default", comm.DefaultMaxFrameSize>>20),
		fmt.Sprintf("%s by default", thousands(comm.DefaultMaxFrames)),
		fmt.Sprintf("%s by default", thousands(comm.DefaultHighWaterMark)),
	} {
		if !strings.Contains(document, sentence) {
			t.Errorf("the document does not say %q", sentence)
		}
	}
}

// thousands writes a number between 1,000 and 999,999 with its comma.
func thousands(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
