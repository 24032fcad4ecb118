package registry_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

// FuzzPlainRequest sends any frame to a registry: it must not end, and must answer
// the next good one.
func FuzzPlainRequest(f *testing.F) {
	zmq := newContext(f)
	s := serve(f, zmq, "inproc://fuzz", registry.WithLimits(registry.Limits{MaxInstances: 100}))
	p := plainRequest(f, zmq, s.endpoint())
	for _, m := range []proto.Message{
		p.message("RegisterService", `serviceName: "calc" server: "10.0.0.7" port: 5100`),
		p.message("RegisterService", `serviceName: "calc" server: "::1" port: 99999`),
		p.message("UnregisterService", `serviceName: "calc"`),
		p.message("ServiceLookupReq", `serviceName: "calc"`),
		p.message("RediscoverReq", ``),
		&mitterev1.RegisterRequest{Instance: instance("calc", "1"), LeaseNano: 1},
		&mitterev1.ResolveRequest{Name: "calc"},
	} {
		e := must(messaging.Pack(m))(f)
		frame := e.Append(nil)
		f.Add(frame)
		f.Add(frame[:len(frame)-1])
	}
	f.Add([]byte{})
	f.Add([]byte("\x08\x01"))
	raw := must(comm.NewDealer(zmq, ">"+s.endpoint()))(f)
	f.Cleanup(func() { ok(f, raw.Close()) })
	f.Fuzz(func(t *testing.T, frame []byte) {
		ok(t, raw.Send(patient(t), comm.NewMessage(nil, frame)))
		p.t = t
		p.ask("ServiceLookupReq", `serviceName: "no such name\n"`, "ServiceLookupRep", `serviceName: "no such name\n" server: "unavailable"`)
		drain(raw)
	})
}

// drain takes the answers that are there.
func drain(from *comm.Dealer) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	for {
		m, err := from.Recv(ctx)
		if err != nil {
			return
		}
		m.Release()
	}
}
