package messaging_test

import (
	"testing"

	"github.com/mittere/mittere/messaging"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
)

func TestDeliveriesTellWhetherOthersHadCome(t *testing.T) {
	zmq := newContext(t)
	endpoint := inprocEndpoint(t)
	server := must(messaging.NewServer(zmq, endpoint))(t)
	dealer := must(comm.NewDealer(zmq, endpoint))(t)
	frames := must((&messaging.Command{Kind: &mitterev1.Heartbeat{Session: 1}}).Frames())(t)
	for range 2 {
		if err := dealer.Send(patient(t), comm.NewMessage(frames...)); err != nil {
			t.Fatal(err)
		}
	}
	for _, more := range []bool{true, false} {
		if d := must(server.Recv(patient(t)))(t); d.More() != more {
			t.Errorf("others had come: %v, want %v", d.More(), more)
		}
	}
}
