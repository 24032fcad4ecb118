package call_test

import (
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// misuses are what a hostile broker sends for a call of several workers that is
// answered by streams, and what its caller sees.
var misuses = []struct {
	name   string
	answer func(id uint64) []frames
	lines  []string
}{
	{"accepted twice", func(id uint64) []frames { return []frames{accepted(id, "a"), accepted(id, "b")} }, []string{": CODE_INTERNAL"}},
	{"accepted for nobody", func(id uint64) []frames { return []frames{accepted(id)} }, []string{": CODE_INTERNAL"}},
	{"a worker twice", func(id uint64) []frames { return []frames{accepted(id, "a", "a")} }, []string{": CODE_INTERNAL"}},
	{"not accepted", func(id uint64) []frames { return []frames{endOf(id, 0, "a", false)} }, []string{": CODE_INTERNAL"}},
	{"an item before it is accepted", func(id uint64) []frames { return []frames{itemOf(id, 1, "a")} }, []string{": CODE_INTERNAL"}},
	{"an error of the whole", func(id uint64) []frames { return []frames{failed(id, "", false, messaging.NotFound)} }, []string{": CODE_NOT_FOUND"}},
	{"an error of the whole, and more", func(id uint64) []frames { return []frames{failed(id, "", true, messaging.NotFound)} }, []string{": CODE_INTERNAL"}},
	{"an error of the whole after answers", func(id uint64) []frames {
		return []frames{accepted(id, "a", "b"), endOf(id, 0, "a", true), failed(id, "", false, messaging.Unavailable)}
	}, []string{": CODE_UNAVAILABLE"}},
	{"an error of the broker, by its name", func(id uint64) []frames {
		return []frames{accepted(id, "a", "b"), endOf(id, 0, "a", true), failed(id, "the broker", false, messaging.Unavailable)}
	}, []string{": CODE_UNAVAILABLE"}},
	{"an item of a stranger", func(id uint64) []frames {
		return []frames{accepted(id, "a"), itemOf(id, 1, "a"), itemOf(id, 1, "x"), endOf(id, 1, "a", false)}
	}, []string{"a: 1", ": CODE_INTERNAL"}},
	{"an item of nobody", func(id uint64) []frames { return []frames{accepted(id, "a"), itemOf(id, 1, "")} }, []string{": CODE_INTERNAL"}},
	{"a reply of a stranger", func(id uint64) []frames { return []frames{accepted(id, "a"), endOf(id, 0, "x", true)} }, []string{": CODE_INTERNAL"}},
	{"more for ever", func(id uint64) []frames {
		all := []frames{accepted(id, "a", "b")}
		for range 1000 {
			all = append(all, failed(id, "a", true, messaging.Aborted))
		}
		return all
	}, []string{"a: CODE_ABORTED", ": CODE_INTERNAL"}},
	{"more of nobody", func(id uint64) []frames { return []frames{accepted(id, "a"), failed(id, "a", true, messaging.Aborted)} },
		[]string{"a: CODE_ABORTED", ": CODE_INTERNAL"}},
	{"an end before all have answered", func(id uint64) []frames {
		return []frames{accepted(id, "a", "b"), failed(id, "a", false, messaging.Aborted)}
	},
		[]string{"a: CODE_ABORTED", ": CODE_INTERNAL"}},
	{"an item after the end", func(id uint64) []frames {
		return []frames{accepted(id, "a", "b"), endOf(id, 0, "a", true), itemOf(id, 1, "a")}
	}, []string{": CODE_INTERNAL"}},
	{"a gap, which others do not mind", func(id uint64) []frames {
		return []frames{
			accepted(id, "a", "b"), itemOf(id, 1, "a"), itemOf(id, 3, "a"), itemOf(id, 4, "a"), itemOf(id, 1, "b"),
			endOf(id, 3, "a", true), itemOf(id, 2, "b"), endOf(id, 2, "b", false),
		}
	}, []string{"a: 1", "a: CODE_DATA_LOSS", "b: 1", "b: 2"}},
	{"a gap of the last", func(id uint64) []frames {
		return []frames{accepted(id, "a"), itemOf(id, 2, "a"), endOf(id, 2, "a", false)}
	},
		[]string{"a: CODE_DATA_LOSS"}},
	{"an end before its items", func(id uint64) []frames {
		return []frames{accepted(id, "a", "b"), itemOf(id, 1, "a"), endOf(id, 3, "a", true), endOf(id, 0, "b", false)}
	}, []string{"a: 1", "a: CODE_DATA_LOSS"}},
	{"an item without envelope", func(id uint64) []frames {
		return []frames{
			accepted(id, "a", "b"), commandOf(&mitterev1.Item{Call: id, Index: 1, Instance: "a"}, nil), itemOf(id, 2, "a"),
			itemOf(id, 1, "b"), endOf(id, 2, "a", true), endOf(id, 1, "b", false),
		}
	}, []string{"a: CODE_INTERNAL", "b: 1"}},
	{"an item of another type", func(id uint64) []frames {
		return []frames{
			accepted(id, "a", "b"), commandOf(&mitterev1.Item{Call: id, Index: 1, Instance: "a"}, &testv1.Note{}), itemOf(id, 2, "a"),
			itemOf(id, 1, "b"), endOf(id, 2, "a", true), endOf(id, 1, "b", false),
		}
	}, []string{"a: CODE_INVALID_ARGUMENT", "b: 1"}},
	{"the end of the session", func(id uint64) []frames {
		return []frames{accepted(id, "a", "b"), itemOf(id, 1, "a"), commandOf(&mitterev1.Disconnect{}, nil)}
	}, []string{"a: 1", ": CODE_UNAVAILABLE"}},
}

func TestMisuseByABrokerEndsInTypedErrors(t *testing.T) {
	for _, test := range misuses {
		t.Run(test.name, func(t *testing.T) {
			conn, _ := brokered(t, answering(test.answer))
			wantLines(t, said(askAllNumbers(patient(t), conn), counts), test.lines...)
			if n := conn.Outstanding(); n != 0 {
				t.Errorf("%d calls are outstanding", n)
			}
		})
	}
}

// TestWorkerWithoutOneAnswerIsAnErrorOfItsOwn has workers give no answer, or a stream where one message is
// wanted: it is their error and nobody else's.
func TestWorkerWithoutOneAnswerIsAnErrorOfItsOwn(t *testing.T) {
	conn, _ := brokered(t, answering(func(id uint64) []frames {
		return []frames{
			accepted(id, "a", "b", "c"), itemOf(id, 1, "a"), itemOf(id, 2, "a"), textOf(id, "a", true), endOf(id, 0, "b", true), textOf(id, "c", false),
		}
	}))
	wantLines(t, said(askAll(patient(t), conn), texts), "a: CODE_INTERNAL", "b: CODE_INTERNAL", "c: by c")
}

func TestItemsForACallOfOneAnswerEndThatCallOnly(t *testing.T) {
	var sessions atomic.Int64
	broker := answering(func(id uint64) (all []frames) {
		for i := range uint64(100) {
			all = append(all, itemOf(id, i+1, "a"))
		}
		return append(all, textOf(id, "a", false))
	})
	conn, _ := brokered(t, func(kind proto.Message) []frames {
		if _, hello := kind.(*mitterev1.Hello); hello {
			sessions.Add(1)
		}
		return broker(kind)
	})
	for range 20 { // the caller may be faster, or the messages
		_, err := askEcho(patient(t), conn, "x")
		wantCode(t, err, messaging.InvalidArgument) // the item is of another type
	}
	if n := sessions.Load(); n != 1 {
		t.Errorf("there were %d sessions", n)
	}
}

func TestNothingIsToldOfAWorkerAfterItsError(t *testing.T) {
	conn, _ := brokered(t, answering(func(id uint64) []frames {
		bad := commandOf(&mitterev1.Item{Call: id, Index: 1, Instance: "a"}, nil)
		return []frames{accepted(id, "a", "b"), bad, itemOf(id, 2, "a"), endOf(id, 2, "a", true), itemOf(id, 1, "b"), endOf(id, 1, "b", false)}
	}))
	var told []string
	r := &call.Request{
		Method: numbersMethod, Message: &testv1.NumbersRequest{}, Target: &call.Target{All: true},
		Accepted: func([]string, []string) { // until the rest has come: the link reads in order
			_, err := askEcho(patient(t), conn, "x", call.ToWorker("a"))
			wantCode(t, err, messaging.CodeOf(err))
		},
		Several: &call.Several{
			From:   func(worker string) { told = append(told, "from "+worker) },
			Failed: func(worker string, _ error) error { told = append(told, worker+" failed"); return nil },
		},
	}
	ok(t, conn.Call(patient(t), r, func(*messaging.Envelope) error { return nil }))
	wantLines(t, told, "a failed", "from b")
}

// TestWorkerThatSendsMoreThanItMayEndsTheSession has one of two workers send a flood
// while nobody reads.
func TestWorkerThatSendsMoreThanItMayEndsTheSession(t *testing.T) {
	const window = 4
	conn, _ := brokered(t, answering(func(id uint64) []frames {
		all := []frames{accepted(id, "a", "b"), itemOf(id, 1, "b")}
		for i := range uint64(1000) {
			all = append(all, itemOf(id, i+1, "a"))
		}
		return all
	}))
	eventually(t, "there is a session", conn.Ready)
	session := conn.Session()
	got := map[string]int{}
	var last error
	for a := range askAllNumbers(patient(t), conn, call.WithWindow(window)) {
		if got[a.Worker]++; got["b"] == 1 && got["a"] == 0 {
			eventually(t, "the session is over", func() bool { return conn.Session() != session })
		}
		last = a.Err
	}
	wantCode(t, last, messaging.Unavailable)
	if got["a"] > window || got[""] != 1 {
		t.Errorf("got %v with a window of %d", got, window)
	}
}
