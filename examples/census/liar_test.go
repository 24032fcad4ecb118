package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
	censusv1 "github.com/mittere/mittere/gen/census/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// lie joins a census as a worker and answers with a line too much, until ctx
// ends.
func lie(ctx context.Context, t *testing.T, router string) error {
	zmq, err := comm.NewContext()
	must(t, err)
	defer zmq.Close()
	dealer, err := messaging.NewDealer(zmq, router)
	must(t, err)
	pid := int64(os.Getpid())
	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, func(_ context.Context, r *censusv1.CountRequest) (*censusv1.CountResponse, error) {
		response := inspect(r.GetPath(), r.GetContent()).response()
		response.Id, response.Pid = r.GetId(), pid
		response.Lines++
		return response, nil
	})
	r, err := reactor.New(handlers, []reactor.Socket{dealer}, reactor.WithStart(func(ctx context.Context) error {
		return dealer.Send(ctx, &censusv1.Hello{Pid: pid})
	}))
	must(t, err)
	return r.Run(ctx)
}

// The liar has time to join: the only worker is killed with all files out, and
// patience is long. Then it is asked for some of them.
func TestAWrongAnswerIsExitCode1AndNamed(t *testing.T) {
	root := makeTree(t, map[string]string{"a": "1\n", "b": "2\n", "c": "3\n", "d": "4\n"})
	p := startProgram(t, "-workers", "1", "-patience", "3s", root)
	router := p.line(`Router +(tcp://\S+)`)[1]
	ctx, stop := context.WithCancel(t.Context())
	lied := make(chan error)
	go func() { lied <- lie(ctx, t, router) }()
	stdout, stderr, code := p.wait()
	stop()
	if err := <-lied; err != nil {
		t.Error(err)
	}
	if code != 1 || strings.Contains(stdout, "totals verified") {
		t.Errorf("exit code %d and:\n%s", code, stdout)
	}
	for _, want := range []string{"census: the totals are wrong\nlines: ", " by messages, 4 without\n", "files whose answer is wrong: "} {
		if !strings.Contains(stderr, want) {
			t.Errorf("want %q in: %s", want, stderr)
		}
	}
}
