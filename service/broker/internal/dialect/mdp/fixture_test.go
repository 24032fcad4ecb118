package mdp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
	"github.com/mittere/mittere/service/broker/internal/dialect/mdp"
)

// newStage returns a stage of both versions of Majordomo.
func newStage(t testing.TB, limits desk.Limits, options ...mdp.Option) *dialecttest.Script {
	t.Helper()
	dialects := []dialect.Dialect{mdp.V1(options...), mdp.V2(options...)}
	return dialecttest.NewScript(t, limits, func(int) []dialect.Dialect { return dialects })
}

// in returns lines in the words of a version, without those that are of the other
// version alone, which begin with 1: or 2:.
func in(version int, lines []string) (script []string) {
	words := strings.NewReplacer("{C}", "|MDPC01|", "{R}", "|MDPC01|", "{W}", "|MDPW01|",
		"{READY}", "|MDPW01|\x01|", "{REQUEST}", "|MDPW01|\x02|", "{FINAL}", "|MDPW01|\x03|",
		"{HEARTBEAT}", "|MDPW01|\x04", "{DISCONNECT}", "|MDPW01|\x05")
	if version == 2 {
		words = strings.NewReplacer("{C}", "MDPC02|\x01|", "{R}", "MDPC02|\x03|", "{W}", "MDPW02|",
			"{READY}", "MDPW02|\x01|", "{REQUEST}", "MDPW02|\x02|", "{FINAL}", "MDPW02|\x04|",
			"{HEARTBEAT}", "MDPW02|\x05", "{DISCONNECT}", "MDPW02|\x06")
	}
	for _, line := range lines {
		if own, ok := strings.CutPrefix(line, fmt.Sprintf("%d: ", version)); ok {
			line = own
		} else if strings.HasPrefix(line, "1: ") || strings.HasPrefix(line, "2: ") {
			continue
		}
		script = append(script, words.Replace(line))
	}
	return script
}

// both runs a script in each version.
func both(t *testing.T, limits desk.Limits, script ...string) {
	t.Helper()
	for version := 1; version <= 2; version++ {
		t.Run(fmt.Sprintf("MDP 0.%d", version), func(t *testing.T) {
			newStage(t, limits).Play(in(version, script)...)
		})
	}
}
