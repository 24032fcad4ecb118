package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/census/censusmittere"
	censusv1 "github.com/mittere/mittere/gen/census/v1"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// digester is one instance of the DigestService. What it embeds answers methods
// that a later schema may add.
type digester struct {
	censusmittere.UnimplementedDigestServiceHandler
}

// Digest is the handler of the service's only method.
func (digester) Digest(_ context.Context, r *censusv1.DigestRequest) (*censusv1.DigestResponse, error) {
	sum := sha256.Sum256(r.GetContent())
	return &censusv1.DigestResponse{Sha256: sum[:]}, nil
}

// digestLease is how long the registry takes a killed instance for alive; its
// callers notice at once.
const digestLease = time.Second

// digest is the whole of a digester's process, until its standard input is closed.
func digest(registry string) error {
	signal.Ignore(os.Interrupt) // see work
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	zmq, err := comm.NewContext()
	if err != nil {
		return err
	}
	return errors.Join(serveDigests(ctx, zmq, registry), zmq.Close())
}

// serveDigests serves until ctx ends: it listens at a free port, registers, and
// withdraws at the end. The name is that of the service in the schema.
func serveDigests(ctx context.Context, zmq *comm.Context, registry string) error {
	handlers := reactor.NewHandlers()
	censusmittere.RegisterDigestService(handlers, digester{})
	server, err := service.NewServer(zmq, "", handlers,
		service.WithRegistry(registry), service.WithLease(digestLease), service.WithSocket(socketOptions()...),
		service.WithLabels(map[string]string{"pid": strconv.Itoa(os.Getpid())}))
	if err != nil {
		return err
	}
	return errors.Join(server.Run(ctx), server.Close())
}
