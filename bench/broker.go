package main

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
)

// brokerWord is the first argument of the process between server and client.
const brokerWord = "broker"

// runBroker is main of that process.
func runBroker() error {
	return untilParentEnds(func(ctx context.Context) error {
		c, err := comm.NewContext()
		if err != nil {
			return err
		}
		defer c.Close()
		b, err := broker.New(c, "tcp://127.0.0.1:*")
		if err != nil {
			return err
		}
		ready(b.Endpoints()[0])
		return errors.Join(b.Run(ctx), b.Close())
	})
}

// behindBroker serves as a worker of a broker, which is a process of its own. Its
// time counts as the server's.
func behindBroker(ctx context.Context, h *reactor.Handlers, ready func(string)) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	between, err := start(exec.Command(self, brokerWord))
	if err != nil {
		return err
	}
	endpoint, err := between.expect(ctx, "ready")
	if err == nil {
		err = work(ctx, h, endpoint, ready)
	}
	_, ended := between.stop()
	return errors.Join(err, ended)
}

// work runs a worker until ctx ends.
func work(ctx context.Context, h *reactor.Handlers, endpoint string, ready func(string)) error {
	c, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer c.Close()
	w, err := service.NewServer(c, "bench", h, service.WithBroker(endpoint))
	if err != nil {
		return err
	}
	ready(endpoint)
	return errors.Join(w.Run(ctx), w.Close())
}
