package mdp_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mittere/mittere/internal/mdp"
)

// golden is a message, and its frames, written with | between them.
type golden struct {
	section string // of the RFC
	frames  string
	message mdp.Message
}

// split returns frames that are written with | between them.
func split(text string) (frames [][]byte) {
	for frame := range strings.SplitSeq(text, "|") {
		frames = append(frames, []byte(frame))
	}
	return frames
}

// join undoes split.
func join(frames [][]byte) string { return string(bytes.Join(frames, []byte("|"))) }

// client and worker return messages of the two sub-protocols; text is their body, and of a
// worker first the address.
func client(kind mdp.Kind, service, text string) mdp.Message {
	return mdp.Message{Role: mdp.Client, Kind: kind, Service: service, Body: split(text)}
}

func worker(kind mdp.Kind, text string) mdp.Message {
	frames := split(text)
	return mdp.Message{Role: mdp.Worker, Kind: kind, Address: frames[0], Body: frames[1:]}
}

func bare(kind mdp.Kind) mdp.Message { return mdp.Message{Role: mdp.Worker, Kind: kind} }

func ready(service string) mdp.Message {
	return mdp.Message{Role: mdp.Worker, Kind: mdp.Ready, Service: service}
}

// goldens are the messages of the RFCs, and the same in the other spellings.
func goldens() map[*mdp.Spelling][]golden {
	v1, v2 := mdp.V1.Spellings(), mdp.V2.Spellings()
	return map[*mdp.Spelling][]golden{
		v1[0]: {
			{"7/MDP Client REQUEST", "|MDPC01|echo|a||b", client(mdp.Request, "echo", "a||b")},
			{"7/MDP Client REPLY", "|MDPC01|echo|A", client(mdp.Final, "echo", "A")},
			{"7/MDP Worker READY", "|MDPW01|\x01|echo", ready("echo")},
			{"7/MDP Worker REQUEST", "|MDPW01|\x02|client||a|b", worker(mdp.Request, "client|a|b")},
			{"7/MDP Worker REPLY", "|MDPW01|\x03|client||A", worker(mdp.Final, "client|A")},
			{"7/MDP Worker HEARTBEAT", "|MDPW01|\x04", bare(mdp.Heartbeat)},
			{"7/MDP Worker DISCONNECT", "|MDPW01|\x05", bare(mdp.Disconnect)},
		},
		v1[1]: {
			{"two characters, READY", "|MDPW01|01|echo", ready("echo")},
			{"two characters, REPLY", "|MDPW01|03|client||A", worker(mdp.Final, "client|A")},
			{"two characters, DISCONNECT", "|MDPW01|05", bare(mdp.Disconnect)},
		},
		v2[0]: {
			{"18/MDP Client REQUEST", "MDPC02|\x01|echo|a|b", client(mdp.Request, "echo", "a|b")},
			{"18/MDP Client PARTIAL", "MDPC02|\x02|echo|A", client(mdp.Partial, "echo", "A")},
			{"18/MDP Client FINAL", "MDPC02|\x03|echo|A", client(mdp.Final, "echo", "A")},
			{"18/MDP Worker READY", "MDPW02|\x01|echo", ready("echo")},
			{"18/MDP Worker REQUEST", "MDPW02|\x02|client||a||", worker(mdp.Request, "client|a||")},
			{"18/MDP Worker PARTIAL", "MDPW02|\x03|client||A", worker(mdp.Partial, "client|A")},
			{"18/MDP Worker FINAL", "MDPW02|\x04|client||A", worker(mdp.Final, "client|A")},
			{"18/MDP Worker HEARTBEAT", "MDPW02|\x05", bare(mdp.Heartbeat)},
			{"18/MDP Worker DISCONNECT", "MDPW02|\x06", bare(mdp.Disconnect)},
		},
		v2[1]: {
			{"delimited, REQUEST", "|MDPC02|\x01|echo|a", client(mdp.Request, "echo", "a")},
			{"delimited, FINAL", "|MDPW02|\x04|client||A", worker(mdp.Final, "client|A")},
		},
		v2[2]: {
			{"workers' numbers, REQUEST", "|MDPC02|\x02|echo|a", client(mdp.Request, "echo", "a")},
			{"workers' numbers, PARTIAL", "|MDPC02|\x03|A", client(mdp.Partial, "", "A")},
			{"workers' numbers, FINAL", "|MDPC02|\x04|A", client(mdp.Final, "", "A")},
		},
		v2[3]: {
			{"without commands, REQUEST", "|MDPC02|echo|a", client(mdp.Request, "echo", "a")},
			{"without commands, FINAL", "|MDPC02|echo|A", client(mdp.Final, "echo", "A")},
		},
		v2[4]: {
			{"digits, REQUEST", "MDPC02|1|echo|a", client(mdp.Request, "echo", "a")},
			{"digits, FINAL", "MDPC02|3|echo|A", client(mdp.Final, "echo", "A")},
			{"digits, PARTIAL of a worker", "MDPW02|3|client||A", worker(mdp.Partial, "client|A")},
		},
	}
}

// decode reads a message at the end that it goes to.
func decode(s *mdp.Spelling, m mdp.Message, frames [][]byte) (mdp.Message, error) {
	if m.Role == mdp.Client && m.Kind != mdp.Request {
		return s.DecodeReply(frames)
	}
	return s.Decode(frames)
}

func TestMessagesOfTheRFCsAreWrittenAndRead(t *testing.T) {
	for s, all := range goldens() {
		for _, g := range all {
			t.Run(g.section, func(t *testing.T) {
				if got := join(s.Encode(g.message)); got != g.frames {
					t.Errorf("written as %q, want %q", got, g.frames)
				}
				if got, err := decode(s, g.message, split(g.frames)); err != nil || !reflect.DeepEqual(got, g.message) {
					t.Errorf("read as %+v, %v, want %+v", got, err, g.message)
				}
			})
		}
	}
}

func TestSpellingIsThatOfTheFirstMessage(t *testing.T) {
	for text, want := range map[string]struct {
		v         mdp.Version
		spelling  int
		certain   bool
		described string
	}{
		"|MDPC01|echo|a":      {mdp.V1, 0, true, "message"},
		"|MDPW01|\x03|c||A":   {mdp.V1, 0, true, "REPLY"},
		"|MDPW01|03|c||A":     {mdp.V1, 1, true, "REPLY"},
		"|MDPW01|x":           {mdp.V1, 0, false, "unknown"},
		"MDPC02|\x01|echo|a":  {mdp.V2, 0, true, "REQUEST"},
		"|MDPW02|\x01|echo":   {mdp.V2, 1, true, "READY"},
		"|MDPC02|\x02|echo|a": {mdp.V2, 2, true, "REQUEST"},
		"|MDPC02|echo|a":      {mdp.V2, 3, true, "message"},
		"MDPW02|4|c||A":       {mdp.V2, 4, true, "FINAL"},
		"MDPW02|6":            {mdp.V2, 4, true, "DISCONNECT"},
		"MDPW02|\x07":         {mdp.V2, 0, false, "unknown"},
		"MDPW02":              {mdp.V2, 0, false, "unknown"},
		"MDPC01|echo|a":       {mdp.V1, -1, false, "unknown"},
		"":                    {mdp.V2, -1, false, "unknown"},
	} {
		s, certain := want.v.Spelling(split(text))
		spelling := slices.IndexFunc(want.v.Spellings(), func(one *mdp.Spelling) bool { return reflect.DeepEqual(s, one) })
		if spelling != want.spelling || certain != want.certain {
			t.Errorf("%q: spelling %d, certain %v", text, spelling, certain)
		}
		if got := want.v.Describe(split(text)); got != want.described {
			t.Errorf("%q is described as %s, want %s", text, got, want.described)
		}
	}
}

func TestBodyHasOneFrameAtLeast(t *testing.T) {
	s := mdp.V2.Spellings()[0]
	if got := join(s.Encode(mdp.Message{Role: mdp.Client, Kind: mdp.Request, Service: "echo"})); got != "MDPC02|\x01|echo|" {
		t.Errorf("no body is written as %q", got)
	}
	for _, text := range []string{"MDPC02|\x03|echo", "MDPC02|\x03|echo|"} {
		if m, err := s.DecodeReply(split(text)); err != nil || len(m.Body) != 1 || len(m.Body[0]) != 0 {
			t.Errorf("%q: body %q, %v", text, m.Body, err)
		}
	}
	if m, err := s.DecodeCommand(split("MDPW02|\x02|client|")); err != nil || len(m.Body) != 1 {
		t.Errorf("a request without a body: %q, %v", m.Body, err)
	}
}

func TestDelimiterBehindTheAddressMayBeMissingAtTheBrokerAlone(t *testing.T) {
	s := mdp.V1.Spellings()[0]
	m, err := s.Decode(split("|MDPW01|\x03|client|A||B"))
	if err != nil || !m.NoDelimiter || join(m.Body) != "A||B" {
		t.Errorf("read as %+v, %v", m, err)
	}
	if _, err := s.DecodeCommand(split("|MDPW01|\x02|client|A")); err == nil {
		t.Error("a worker takes a request without it")
	}
}

func TestPartialOfMDP01IsNotWritten(t *testing.T) {
	for _, r := range []mdp.Role{mdp.Client, mdp.Worker} {
		if s := mdp.V1.Spellings()[0]; s.Partials(r) || s.Encode(mdp.Message{Role: r, Kind: mdp.Partial}) != nil {
			t.Errorf("role %d has PARTIAL", r)
		}
	}
}

func TestMalformedMessagesAreRefused(t *testing.T) {
	v1, v2 := mdp.V1.Spellings()[0], mdp.V2.Spellings()[0]
	for _, c := range []struct {
		what   string
		decode func([][]byte) (mdp.Message, error)
		frames []string
	}{
		{"at a broker, MDP/0.1", v1.Decode, []string{
			"", "|", "MDPC01|echo|a", "|MDPC01", "|MDPC01|echo", "|MDPC01||a", "|MDPC01|\x01|a", "|MDPC01|\xff|a", "|MDPC01|" + strings.Repeat("x", 256) + "|a",
			"|MDPW01", "|MDPW01|", "|MDPW01|\x01", "|MDPW01|\x01|a|b", "|MDPW01|\x03|c", "|MDPW01|\x04|more", "|MDPW01|\x05|more", "|MDPW01|\x06",
		}},
		{"at a broker, MDP/0.2", v2.Decode, []string{"|MDPC02|\x01|echo|a", "MDPC02|\x02|echo|a", "MDPC02|echo|a", "MDPW02|\x03", "MDPW02|\x07", "MDPW02|\x02\x02"}},
		{"at a client, MDP/0.1", v1.DecodeReply, []string{"", "|MDPC01", "MDPC01|echo|a", "|MDPW01|\x02|c||a"}},
		{"at a client, MDP/0.2", v2.DecodeReply, []string{"MDPC02", "MDPC02|\x01|echo|a", "MDPC02|\x03", "|MDPC02|\x03|echo|a"}},
		{"at a worker, MDP/0.2", v2.DecodeCommand, []string{"MDPW02", "MDPW02|\x01|echo", "MDPW02|\x04|c||a", "MDPC02|\x03|echo|a", "MDPW02|\x05|more"}},
	} {
		for _, frames := range c.frames {
			if m, err := c.decode(split(frames)); err == nil {
				t.Errorf("%s: %q is read as %+v", c.what, frames, m)
			}
		}
	}
}

// FuzzDecode has both ends read any frames in any spelling: bytes split by "|". What is
// read is written again as it was.
func FuzzDecode(f *testing.F) {
	for _, all := range goldens() {
		for _, g := range all {
			f.Add([]byte(g.frames))
		}
	}
	for _, text := range []string{"", "|", "|MDPW01|\x02|a|b", "MDPC02|\x03|echo", "MDPW02|\x03|a||"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		frames := split(string(text))
		for _, v := range []mdp.Version{mdp.V1, mdp.V2} {
			_ = v.Describe(frames)
			for i, s := range v.Spellings() {
				decodeAll(t, fmt.Sprint(v, i), s, frames)
			}
		}
	})
}

func decodeAll(t *testing.T, name string, s *mdp.Spelling, frames [][]byte) {
	for _, decode := range []func([][]byte) (mdp.Message, error){s.Decode, s.DecodeReply, s.DecodeCommand} {
		m, err := decode(frames)
		if err != nil || m.NoDelimiter {
			continue
		}
		again := s.Encode(m)
		if len(frames) < len(again) { // a body without frames
			frames = append(slices.Clip(frames), []byte{})
		}
		if !slices.EqualFunc(again, frames, bytes.Equal) {
			t.Fatalf("%s: %q is read as %+v and written as %q", name, frames, m, again)
		}
	}
}
