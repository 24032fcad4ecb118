package broker_test

import (
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker"
)

// The protocols of Majordomo and of the pirates take every request to bear repetition. One
// that does not is declared so: a worker that takes it and is mute ends it.
func TestRequestOfAMuteWorkerIsNotRepeatedWhereThatIsForbidden(t *testing.T) {
	b := serve(t, broker.WithoutRepeat("mail", "post"), broker.WithPirate(tcp, tcp, "post"))
	post := b.Pirates()[0]
	for name, test := range map[string]struct {
		client, worker           string // where they are
		ready, request, answered []string
	}{
		"MDP/0.1": {
			b.Endpoints()[0], b.Endpoints()[0],
			[]string{"", "MDPW01", "\x01", "mail"}, []string{"", "MDPC01", "mail", "x"}, []string{"", "MDPC01", "mail"},
		},
		"MDP/0.2": {
			b.Endpoints()[0], b.Endpoints()[0],
			[]string{"MDPW02", "\x01", "mail"}, []string{"MDPC02", "\x01", "mail", "x"}, []string{"MDPC02", "\x03", "mail"},
		},
		"pirates": {post.Front[0], post.Back[0], []string{"\x01"}, []string{"", "x"}, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			before := b.Stats().Counters
			worker, client := b.dialAt(t, test.worker), b.dialAt(t, test.client)
			worker.say(test.ready...)
			client.say(test.request...)
			eventually(t, "the worker has the request", func() bool { return b.Stats().Counters.Delivered > before.Delivered })
			b.dialAt(t, test.worker).say(test.ready...) // who would have it otherwise
			got := client.want()
			front := len(test.answered)
			if len(got) != front+1 {
				t.Fatalf("the client got %q", got)
			}
			status := statusIn(t, got[front])
			if after := b.Stats().Counters; status.GetCode() != mitterev1.Code_CODE_UNAVAILABLE || after.Redelivered != before.Redelivered {
				t.Errorf("the client got %v, and %d requests went to a second worker", status, after.Redelivered-before.Redelivered)
			}
		})
	}
}
