package service

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/reactor"
)

// TestServerListensWhenItsAddressBecomesKnown has the name of the registry made known
// while the server runs, which a test cannot do from outside.
func TestServerListensWhenItsAddressBecomesKnown(t *testing.T) {
	zmq, err := comm.NewContext()
	if err != nil {
		t.Fatal(err)
	}
	defer zmq.Close()
	for bind, options := range map[string][]ServerOption{"": nil, "tcp://*:*": {WithBind("tcp://*:*")}} {
		s, err := NewServer(zmq, "calc", reactor.NewHandlers(), append(options, WithRegistry("tcp://registry.invalid:1"),
			WithLogger(slog.New(slog.DiscardHandler)))...)
		if err != nil {
			t.Fatal(err)
		}
		s.route = "tcp://127.0.0.1:1" // as if it was this name's address
		s.findAddress(t.Context())
		if at := s.Endpoints(); len(at) != 1 || !strings.HasPrefix(at[0], "tcp://127.0.0.1:") {
			t.Errorf("bound to %q it is advertised at %v", bind, at)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
