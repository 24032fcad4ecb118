package message_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging/message"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

func TestTopicsHaveTheGoldenPrefixesAndSelectTheGoldenFrames(t *testing.T) {
	all := readVectors(t)
	for _, v := range all.Topics {
		t.Run(v.Name, func(t *testing.T) {
			if prefix := v.topic(t).Prefix(); !bytes.Equal(prefix, v.Hex) {
				t.Errorf("the prefix is % x", prefix)
			}
			for _, e := range all.Envelopes {
				selected := bytes.HasPrefix(e.Hex, v.Hex)
				if selected != slices.Contains(v.Envelopes, e.Name) {
					t.Errorf("selects %s: %v", e.Name, selected)
				}
			}
		})
	}
}

// topic returns what the vector tells of.
func (v *topicVector) topic(t *testing.T) message.Topic {
	switch v.Selects {
	case "everything":
		return message.Everything()
	case "type":
		return message.OfType(messagetest.Declare(t, v.Type).Message(t, v.Type, 0))
	case "subject":
		return message.OfSubject(messagetest.Declare(t, v.Type).Message(t, v.Type, 0), v.Subject...)
	case "subtree":
		return message.OfSubtree(messagetest.Declare(t, v.Type).Message(t, v.Type, 0), v.Subject...)
	default:
		t.Fatalf("a topic that selects %q", v.Selects)
		return message.Topic{}
	}
}

// selects is the rule that prefixes must follow: what a topic of this name and
// subject selects, by meaning and not by bytes.
func selects(name string, subject []string, exact bool, e *message.Envelope) bool {
	switch {
	case name != e.Name():
		return false
	case exact:
		return slices.Equal(subject, e.Subject)
	default:
		return len(subject) <= len(e.Subject) && slices.Equal(subject, e.Subject[:len(subject)])
	}
}

// Names and segments that differ in length, in their last letter, or in where one
// ends and the next begins.
var (
	similarNames    = []string{"A", "AB", "ABC", "p.A", "p.AB", "pp.A", "ImageMsg", "ImageMsgs", "Image", "x.ImageMsg"}
	similarSegments = []string{"", "7", "70", "\x12", "\"", "\"\x017", "room", "rooms"}
)

func TestTopicsSelectByMeaningExactly(t *testing.T) {
	d := messagetest.Declare(t, similarNames...)
	for seed := range uint64(20 * cases) {
		r := rand.New(rand.NewPCG(seed, 2))
		e := message.Envelope{Type: pick(r, similarNames), Subject: similarSubject(r), Body: []byte("body")}
		name, subject := pick(r, similarNames), similarSubject(r)
		m := d.Message(t, name, 0)
		frame := e.Append(nil)
		for topic, want := range map[*message.Topic]bool{
			new(message.OfType(m)):                selects(name, nil, false, &e),
			new(message.OfSubject(m, subject...)): selects(name, subject, true, &e),
			new(message.OfSubtree(m, subject...)): selects(name, subject, false, &e),
			new(message.Everything()):             true,
		} {
			if got := bytes.HasPrefix(frame, topic.Prefix()); got != want {
				t.Fatalf("seed %d: %v selects %s%q: %v, want %v", seed, topic, e.Type, e.Subject, got, want)
			}
		}
	}
}

func pick(r *rand.Rand, of []string) string { return of[r.IntN(len(of))] }

func similarSubject(r *rand.Rand) (segments []string) {
	for range r.IntN(4) {
		segments = append(segments, pick(r, similarSegments))
	}
	return segments
}

func TestTopicsSayWhatTheySelect(t *testing.T) {
	m := (*testv1.Note)(nil)
	for want, topic := range map[string]message.Topic{
		"everything":                       message.Everything(),
		"mittere.test.v1.Note":             message.OfType(m),
		"mittere.test.v1.Note[]":           message.OfSubject(m),
		"mittere.test.v1.Note[room 7]":     message.OfSubject(m, "room", "7"),
		"mittere.test.v1.Note[room 7 ...]": message.OfSubtree(m, "room", "7"),
	} {
		if got := topic.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
