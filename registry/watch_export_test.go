package registry

import (
	"context"
	"iter"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// News yields what the registry sends to a watch, as it comes.
func (c *Client) News(ctx context.Context, name string) iter.Seq[*mitterev1.WatchResponse] {
	return func(yield func(*mitterev1.WatchResponse) bool) {
		ctx, cancel := c.ended(ctx)
		defer cancel()
		req := &mitterev1.WatchRequest{Name: name}
		for ctx.Err() == nil {
			if more, _ := c.watchOnce(ctx, req, yield); !more {
				return
			}
			c.rest(ctx)
		}
	}
}
