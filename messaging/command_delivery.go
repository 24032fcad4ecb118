package messaging

import (
	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
)

// commandDelivery returns the delivery of a message whose frames from body on should
// be a command. Both are made at once.
func commandDelivery(m comm.Message, body [][]byte) *Delivery {
	both := &struct {
		delivery Delivery
		command  Command
	}{}
	d := &both.delivery
	d.raw, d.Command = m, &both.command
	both.command, d.Wrong = command.Decode(body)
	return d
}
