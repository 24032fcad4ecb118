package registry

import (
	"context"
	"errors"

	"github.com/mittere/mittere/comm"
)

// Serve runs a registry at endpoints until ctx ends, and closes what it has opened. It is
// [NewServer], [Server.Run] and [Server.Close], for programs that need no more of the
// registry; its errors are those of these.
func Serve(ctx context.Context, zctx *comm.Context, endpoints string, options ...ServerOption) error {
	s, err := NewServer(zctx, endpoints, options...)
	if err != nil {
		return err
	}
	return errors.Join(s.Run(ctx), s.Close())
}
