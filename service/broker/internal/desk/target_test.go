package desk_test

import (
	"testing"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// A caller that finds no worker is told whether there is none, or none that takes requests.
func TestTargetsWithoutAWorkerAreToldWhy(t *testing.T) {
	s := newStage(t, desk.Limits{})
	s.ready("w1", "w2")
	s.d.Drain(0, peer("w1"))
	s.d.Retire(0, peer("w2"))
	for _, test := range []struct {
		change func(*desk.Request)
		want   string
	}{
		{all, `no worker of the service "echo" takes requests now: all of them drain`},
		{func(r *desk.Request) { all(r); r.Service = "other" }, `the service "other" has no worker`},
		{named("x", "y"), `no worker of the service "echo" has a name of "x", "y"`},
		{named("w1"), `"w1" of the service "echo" takes no requests now`},
		{named("w1", "w2"), `"w1", "w2" of the service "echo" take no requests now`},
		{named("w1", "x"), `no worker of the service "echo" has a name of "x"; "w1" of the service "echo" takes no requests now`},
	} {
		a, ok := s.ask(1, test.change)[0].(desk.Reply)
		if got := a.Answer.Status.GetMessage(); !ok || got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
