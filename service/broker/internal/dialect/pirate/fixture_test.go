package pirate_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
	"github.com/mittere/mittere/service/broker/internal/dialect/mdp"
	"github.com/mittere/mittere/service/broker/internal/dialect/pirate"
)

// The sockets of a stage.
const (
	frontSocket = iota
	backSocket
	mainSocket
)

// The heartbeats of a stage, which are the guide's.
const (
	heartbeat = time.Second
	liveness  = 3
)

// newStage returns a stage on which the service of the pirates is echo. Peers whose names
// begin with c are clients of the pirates, those with m peers of MDP/0.1, all others workers
// of the pirates.
func newStage(t testing.TB, limits desk.Limits) *dialecttest.Script {
	t.Helper()
	s := dialecttest.NewScript(t, limits, pair(pirate.Front("echo"), pirate.Back("echo", heartbeat, liveness)))
	s.Step, s.Socket, s.Frames, s.Text = heartbeat/4, socketOf, frames, textOf
	return s
}

// pair returns the dialects of each socket, two of which are the pirates'.
func pair(front, back dialect.Dialect) func(socket int) []dialect.Dialect {
	dialects := map[int][]dialect.Dialect{frontSocket: {front}, backSocket: {back}, mainSocket: {mdp.V1()}}
	return func(socket int) []dialect.Dialect { return dialects[socket] }
}

// socketOf returns the socket of the peer of a name.
func socketOf(name string) int {
	switch {
	case strings.HasPrefix(name, "c"):
		return frontSocket
	case strings.HasPrefix(name, "m"):
		return mainSocket
	default:
		return backSocket
	}
}

// frames returns the frames of a message, where <Heartbeat ID> stands for dīvidere's.
func frames(message string) [][]byte {
	frames := dialecttest.Frames(message)
	for i, frame := range frames {
		if id, ok := strings.CutPrefix(string(frame), "<Heartbeat "); ok {
			frames[i] = []byte(dividereHeartbeat(strings.TrimSuffix(id, ">")))
		}
	}
	return frames
}

// dividereHeartbeat returns what dīvidere's messaging layer sends as a heartbeat, with
// an id of less than 90 bytes.
func dividereHeartbeat(id string) string {
	body := ""
	if id != "" {
		id = "\x0a" + string(rune(len(id))) + id
		body = "\x12" + string(rune(len(id))) + id
	}
	const url = "\x0a\x1dtype.googleapis.com/Heartbeat"
	return "\x0a\x09Heartbeat\x12" + string(rune(len(url)+len(body))) + url + body
}

// textOf returns a frame as scripts have it.
func textOf(frame []byte) string {
	e, err := message.Decode(frame)
	switch {
	case err != nil || e.Type != "Heartbeat":
		return dialecttest.FrameText(frame)
	case len(e.Body) == 0:
		return "<Heartbeat >"
	default:
		_, _, tag := protowire.ConsumeTag(e.Body)
		id, _ := protowire.ConsumeBytes(e.Body[tag:])
		return fmt.Sprintf("<Heartbeat %s>", id)
	}
}

// kinds are the workers of the protocol: in scripts {READY} is how one begins,
// {BEAT} its heartbeat, {FRONT} what its socket puts in front.
func kinds() map[string]*strings.Replacer {
	return map[string]*strings.Replacer{
		"RFC 6":                       strings.NewReplacer("{READY}", "\x01", "{BEAT}", "\x02", "{FRONT}", ""),
		"dīvidere's connection layer": strings.NewReplacer("{READY}", "\x01", "{BEAT}", "\x02", "{FRONT}", ""),
		"the guide's words":           strings.NewReplacer("{READY}", "READY", "{BEAT}", "HEARTBEAT", "{FRONT}", ""),
		"the guide's words, of a REQ": strings.NewReplacer("{READY}", "|READY", "{FRONT}", "|"),
		"dīvidere's messaging layer":  strings.NewReplacer("{READY}", "<Heartbeat w>", "{BEAT}", "<Heartbeat w>", "{FRONT}", ""),
		"Simple Pirate":               strings.NewReplacer("{READY}", "|\x01", "{FRONT}", "|"),
	}
}

// all runs a script with each kind of workers.
func all(t *testing.T, limits desk.Limits, script ...string) {
	t.Helper()
	for name, words := range kinds() {
		t.Run(name, func(t *testing.T) {
			var lines []string
			for _, line := range script {
				lines = append(lines, words.Replace(line))
			}
			newStage(t, limits).Play(lines...)
		})
	}
}

// unhex returns the bytes that a text stands for.
func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
