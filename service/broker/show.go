package broker

import (
	"context"
	"log/slog"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// show logs a message of a peer, or to one, at level debug, so that an operator may see
// what is said; p is nil if it is of no protocol. Where the level is higher it costs a
// comparison.
func (b *Broker) show(direction string, p *peer, m comm.Message) {
	if !b.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	protocol, kind := "none", "unknown"
	if p != nil {
		protocol, kind = p.dialect, p.kindOf(m.Frames[1:])
	}
	b.log.Debug(direction, "peer", dialect.WorkerName(string(m.Frames[0])), "dialect", protocol, "type", kind, "bytes", m.Size())
}
