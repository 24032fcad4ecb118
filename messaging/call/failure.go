package call

import (
	"context"
	"errors"
	"fmt"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// noteFailures notes why no connection is made, while the engine goes on trying, until
// ctx ends.
func (c *Conn) noteFailures(ctx context.Context, dealer *comm.Dealer) {
	for {
		err := dealer.WaitFailure(ctx)
		if ctx.Err() != nil {
			return
		}
		why := messaging.FromComm(err)
		c.fail(messaging.Errorf(messaging.CodeOf(why), "%s: %w", c.endpoint, reasonOf(why)).AsRefused())
	}
}

// reasonOf returns what went wrong without the endpoint, which comes first.
func reasonOf(err error) error {
	e, ok := errors.AsType[*comm.Error](err)
	switch {
	case !ok:
		return err
	case e.Cause == nil || e.Cause.Error() == e.Reason.Error():
		return e.Reason
	default:
		return fmt.Errorf("%w: %w", e.Reason, e.Cause)
	}
}

// unanswered returns why a Hello was not answered in time: what went wrong with the
// connection, or what is connected and sends nothing.
func (c *Conn) unanswered(dealer *comm.Dealer) error {
	_, _, why := c.state()
	switch stats := dealer.Stats(); {
	case stats.Connections > 0:
		why = fmt.Errorf("a ZeroMQ socket is there that has not answered within %v: it is no Mittere server, or it hangs", c.handshake)
	case stats.Handshakes > 0:
		why = fmt.Errorf("it accepts connections and has said nothing within %v: it speaks no ZeroMQ, or it hangs", c.handshake)
	case c.failedBefore():
		return why
	default:
		why = fmt.Errorf("no connection within %v", c.handshake)
	}
	return messaging.Errorf(messaging.Unavailable, "%s: %w", c.endpoint, why).AsRefused()
}

// failedBefore reports whether it is known why there is no session.
func (c *Conn) failedBefore() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}
