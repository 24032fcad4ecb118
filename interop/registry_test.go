//go:build interop

package interop_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

func TestGoRequestUsesDividereRegistry(t *testing.T) {
	s := newStage(t)
	s.peer.open("registry", "registry.Server")
	request := open(s, messaging.NewReq, s.peer.endpoint("registry", "reqSock_"), s.withTypes())
	for _, step := range []struct{ ask, content, answer, want string }{
		{"RegisterService", `serviceName: "calc" server: "10.0.0.7" port: 5100`, "ack", `ok: true`},
		{"ServiceLookupReq", `serviceName: "calc"`, "ServiceLookupRep", `serviceName: "calc" server: "10.0.0.7" port: 5100`},
		{"ServiceLookupReq", `serviceName: "none"`, "ServiceLookupRep", `serviceName: "none" server: "unavailable"`},
	} {
		reply, err := request.Do(s.ctx, newMessage(t, step.ask, step.content))
		s.check(err)
		wantMessage(t, reply, newMessage(t, step.answer, step.want))
	}
}

func TestDividereRegistryClientAsksGoReactor(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort)
	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, func(_ context.Context, m *serviceLookupReq) (*serviceLookupRep, error) {
		name := m.field("serviceName").String()
		return newTyped[nameServiceLookupRep]().set("serviceName", name).set("server", "10.0.0.8").set("port", uint32(5101)), nil
	})
	s.react(handlers, response)

	host, port, err := net.SplitHostPort(strings.TrimPrefix(response.Endpoints()[0], "tcp://"))
	s.check(err)
	number, err := strconv.Atoi(port)
	s.check(err)
	s.peer.open("client", "registry.Client", host, number)
	var found struct {
		Name, Server string
		Port         int
	}
	s.peer.do(&found, "look_up", arguments{"name": "client", "service": "calc"})
	if found.Name != "calc" || found.Server != "10.0.0.8" || found.Port != 5101 {
		t.Errorf("dīvidere found %+v", found)
	}
}
