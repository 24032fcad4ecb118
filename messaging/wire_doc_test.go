package messaging_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command/commandtest"
	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging"
)

// hexBlock is bytes in docs/wire.md: named like a vector, with comments behind "#".
var hexBlock = regexp.MustCompile("(?ms)^```hex (\\S+)\n(.*?)^```$")

// golden is one golden frame.
type golden struct {
	Name string
	Hex  messagetest.Hex
}

// vectors is the golden bytes of envelopes.
type vectors struct {
	Envelopes, Topics, Malformed []golden
}

// readVectors returns the golden bytes, which tell of themselves what they mean.
func readVectors(t testing.TB) (all vectors) {
	t.Helper()
	if err := json.Unmarshal(must(os.ReadFile("message/testdata/vectors.json"))(t), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// byName returns all golden frames, also those of commands.
func (v vectors) byName(t *testing.T) map[string]messagetest.Hex {
	t.Helper()
	all := append(v.Envelopes, v.Topics...)
	for _, c := range commandtest.Read(t).Commands {
		all = append(all, golden{c.Name, c.Frames[0]})
	}
	frames := map[string]messagetest.Hex{}
	for _, g := range all {
		if _, taken := frames[g.Name]; taken {
			t.Fatalf("two golden frames have the name %s", g.Name)
		}
		frames[g.Name] = g.Hex
	}
	return frames
}

func TestBytesInTheWireDocumentAreGolden(t *testing.T) {
	document := string(must(os.ReadFile("../docs/wire.md"))(t))
	frames := readVectors(t).byName(t)
	blocks := hexBlock.FindAllStringSubmatch(document, -1)
	if fences := strings.Count(document, "```hex"); len(blocks) != fences || fences < 10 {
		t.Fatalf("%d blocks of bytes, %d are read", fences, len(blocks))
	}
	for _, block := range blocks {
		t.Run(block[1], func(t *testing.T) {
			var shown messagetest.Hex
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
	document := strings.Join(strings.Fields(string(must(os.ReadFile("../docs/wire.md"))(t))), " ")
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
