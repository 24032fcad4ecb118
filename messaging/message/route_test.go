package message_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/mittere/mittere/messaging/message"
)

func FuzzSplitRoute(f *testing.F) {
	for _, frames := range []string{"", "|", "||", "id", "id|body", "id||body", "id|proxy||body||more", "|body", "a|b|"} {
		f.Add([]byte(frames))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		frames := bytes.Split(data, []byte("|"))
		checkSplit(t, frames)
		checkSplit(t, frames[:0])
	})
}

// checkSplit splits frames and checks what they are split into.
func checkSplit(t *testing.T, frames [][]byte) {
	want := min(1, len(frames))
	if i := slices.IndexFunc(frames, func(frame []byte) bool { return len(frame) == 0 }); i >= 0 {
		want = i + 1
	}
	before := texts(frames)
	route, body := message.SplitRoute(frames)
	if len(route) != want {
		t.Errorf("%q: the way back is %q, want %d frames", frames, route, want)
	}
	if together := slices.Concat(texts(route), texts(body)); !slices.Equal(together, before) {
		t.Errorf("%q is split into %q and %q", before, route, body)
	}
	_ = append(route, []byte("appended"))
	if !slices.Equal(texts(frames), before) {
		t.Errorf("appending to the way back of %q changes the body: %q", before, frames)
	}
}

func TestAppendingToARouteLeavesTheBodyAlone(t *testing.T) {
	for _, frames := range [][]string{{"id", "", "body"}, {"id", "body"}, {"a", "b", "", "body", ""}} {
		route, body := message.SplitRoute(framesOf(frames))
		_ = append(route, []byte("more"))
		if string(body[0]) != "body" {
			t.Errorf("%q: the body is now %q", frames, body[0])
		}
	}
}

func framesOf(texts []string) [][]byte {
	frames := make([][]byte, len(texts))
	for i, text := range texts {
		frames[i] = []byte(text)
	}
	return frames
}

func texts(frames [][]byte) []string {
	list := []string{}
	for _, frame := range frames {
		list = append(list, string(frame))
	}
	return list
}
