package main

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
	censusv1 "github.com/mittere/mittere/gen/census/v1"
	"github.com/mittere/mittere/gen/census/v1/censusv1mittere"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// liar answers with a line too much.
type liar struct {
	censusv1mittere.UnimplementedCensusServiceHandler
}

func (liar) Count(_ context.Context, r *censusv1.CountRequest) (*censusv1.CountResponse, error) {
	response := inspect(r.GetPath(), r.GetContent()).response()
	response.Lines++
	return response, nil
}

// lie joins a census as a worker, until the test ends.
func lie(t *testing.T, broker string) {
	t.Helper()
	zmq, err := comm.NewContext()
	must(t, err)
	handlers := reactor.NewHandlers()
	censusv1mittere.RegisterCensusService(handlers, liar{})
	w, err := service.NewServer(zmq, "", handlers, service.WithBroker(broker), service.WithDrainTimeout(0), service.WithLogger(silent))
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.Run(ctx) // the broker may end first
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		must(t, w.Close())
		must(t, zmq.Close())
	})
	must(t, w.WaitRegistered(t.Context()))
}

// One worker is a liar, and the only other is killed with files that the liar gets.
func TestAWrongAnswerIsExitCode1AndNamed(t *testing.T) {
	t.Setenv(asProgram, "1")
	o, err := parseOptions([]string{"-workers", "1"})
	must(t, err)
	listed := mustOpenTree(t, makeTree(t, map[string]string{"a": "1\n", "b": "2\n", "c": "3\n", "d": "4\n"}))
	c := newCoordinator(listed, o, newScreen(io.Discard))
	must(t, c.open())
	must(t, c.run(t.Context(), func(ctx context.Context) error {
		must(t, await(ctx, "workers are there", 1, c.registered))
		lie(t, c.endpoint())
		return c.count(ctx)
	}))
	must(t, c.close())
	wantVerdict(t, c.report, "the totals are wrong\nlines: ", " by messages, 4 without\n", "files whose answer is wrong: ")
	var said strings.Builder
	if code := exitCode(c.report.verdict(), &said); code != 1 || !strings.HasPrefix(said.String(), "census: the totals are wrong\n") {
		t.Errorf("exit code %d and %q", code, said.String())
	}
}
