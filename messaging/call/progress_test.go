package call_test

import (
	"fmt"
	"testing"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// noting notes progress as said.
func noting(t testing.TB, lines *[]string) call.Option {
	return call.WithProgress(func(worker string, e *messaging.Envelope) {
		note := must(messaging.Open[*testv1.Note](e))(t)
		*lines = append(*lines, fmt.Sprintf("%s! %d", worker, note.GetNumber()))
	})
}

// badEvent is an event with what is no envelope.
func badEvent(id uint64, worker string) frames {
	c := messaging.Command{Kind: &mitterev1.Event{Call: id, Instance: worker}, Body: []byte("garbage")}
	f, _ := c.Frames()
	return f
}

func TestProgressComesInOrderWithTheAnswer(t *testing.T) {
	conn, _ := brokered(t, answering(func(id uint64) []frames {
		return []frames{
			eventOf(id, "a", 1), itemOf(id, 1, "a"), badEvent(id, "a"), eventOf(id, "a", 2), itemOf(id, 2, "a"), eventOf(id, "a", 3), endOf(id, 2, "a", false),
		}
	}))
	var lines []string
	for item, err := range askNumbers(patient(t), conn, 0, noting(t, &lines)) {
		ok(t, err)
		lines = append(lines, fmt.Sprint(item.GetNumber()))
	}
	wantLines(t, lines, "a! 1", "1", "a! 2", "2", "a! 3")
	n := 0
	for _, err := range askNumbers(patient(t), conn, 0) { // which does not listen
		ok(t, err)
		n++
	}
	if n != 2 {
		t.Errorf("%d items", n)
	}
}

func TestProgressOfSeveralWorkersSaysWhoseItIs(t *testing.T) {
	conn, _ := brokered(t, answering(func(id uint64) []frames {
		return []frames{
			eventOf(id, "a", 0), accepted(id, "a", "b"), eventOf(id, "b", 1), eventOf(id, "x", 2), badEvent(id, "a"), textOf(id, "b", true),
			eventOf(id, "a", 3), textOf(id, "a", false),
		}
	}))
	var lines []string
	for a := range askAll(patient(t), conn, noting(t, &lines)) {
		ok(t, a.Err)
		lines = append(lines, a.Reply.GetText())
	}
	wantLines(t, lines, "b! 1", "by b", "a! 3", "by a")
	wantLines(t, said(askAll(patient(t), conn), texts), "b: by b", "a: by a")
}

// TestProgressThatNobodyReadsIsDropped has a caller stop at the first of many events
// until it has its session's answer to something later.
func TestProgressThatNobodyReadsIsDropped(t *testing.T) {
	const many = 300
	flood := func(id uint64, head frames) []frames {
		all := []frames{head}
		for i := range int64(many) {
			all = append(all, eventOf(id, "a", i))
		}
		return append(all, textOf(id, "a", false))
	}
	var calls uint64
	conn, _ := brokered(t, answering(func(id uint64) []frames {
		if calls++; calls%2 == 0 {
			return []frames{textOf(id, "a", false)}
		}
		return flood(id, accepted(id, "a"))
	}))
	for name, ask := range map[string]func(option call.Option) error{
		"one": func(option call.Option) error { _, err := askEcho(patient(t), conn, "x", option); return err },
		"several": func(option call.Option) (err error) {
			for a := range askAll(patient(t), conn, option) {
				err = a.Err
			}
			return err
		},
	} {
		seen, last := 0, int64(-1)
		ok(t, ask(call.WithProgress(func(_ string, e *messaging.Envelope) {
			if seen++; seen == 1 {
				must(askEcho(patient(t), conn, "after the flood"))(t)
			}
			number := must(messaging.Open[*testv1.Note](e))(t).GetNumber()
			if number <= last {
				t.Errorf("%s: %d came after %d", name, number, last)
			}
			last = number
		})))
		if seen < 64 || seen > 66 {
			t.Errorf("%s: %d of %d events were kept", name, seen, many)
		}
	}
}
