package service

import (
	"context"
	"errors"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/reactor"
)

// Serve serves handlers under a name until ctx ends, and closes what it has opened. It is
// [NewServer], [Server.Run] and [Server.Close], for programs that need no more of the server;
// its errors are those of these.
func Serve(ctx context.Context, zctx *comm.Context, name string, handlers *reactor.Handlers, options ...ServerOption) error {
	s, err := NewServer(zctx, name, handlers, options...)
	if err != nil {
		return err
	}
	return errors.Join(s.Run(ctx), s.Close())
}
