package docs_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/calculator"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
)

// The programs of broker.md run here, at an endpoint of their own.
func TestProgramsOfThePageOfTheBrokerWorkTogether(t *testing.T) {
	endpoint := "ipc://" + filepath.Join(t.TempDir(), "broker")
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	var running sync.WaitGroup
	running.Go(func() { check(runBroker(ctx, endpoint)) })
	running.Go(func() { check(runWorker(ctx, endpoint)) })
	check(runClient(ctx, endpoint))
	stop()
	running.Wait()
}

func runBroker(ctx context.Context, endpoint string) error {
	zctx, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer zctx.Close()
	return broker.Serve(ctx, zctx, endpoint)
}

func runWorker(ctx context.Context, endpoint string) error {
	zctx := must(comm.NewContext())
	defer zctx.Close()
	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, &calculator.Handler{})
	return service.Serve(ctx, zctx, "calculator", handlers, service.WithBroker(endpoint))
}

func runClient(ctx context.Context, endpoint string) error {
	zctx := must(comm.NewContext())
	defer zctx.Close()
	client, err := service.NewClient(zctx, "calculator", service.FromBroker(endpoint))
	if err != nil {
		return err
	}
	defer client.Close()
	calculator := calculatorv1mittere.NewCalculatorServiceClient(client)
	answer, err := calculator.Add(ctx, &calculatorv1.AddRequest{A: 1, B: 2})
	if check(err); answer.GetSum() != 3 {
		return fmt.Errorf("1 + 2 is %v", answer.GetSum())
	}
	for answer := range call.All(ctx, calculator.Accumulate, &calculatorv1.AccumulateRequest{}) {
		fmt.Println(answer.Worker, answer.Reply, answer.Err)
	}
	return nil
}
