package broker

import (
	"context"
	"errors"

	"github.com/mittere/mittere/comm"
)

// Serve runs a broker at endpoints until ctx ends, and closes what it has opened. It is [New],
// [Broker.Run] and [Broker.Close], for programs that need no more of the broker; its errors
// are those of these.
func Serve(ctx context.Context, zctx *comm.Context, endpoints string, options ...Option) error {
	b, err := New(zctx, endpoints, options...)
	if err != nil {
		return err
	}
	return errors.Join(b.Run(ctx), b.Close())
}
