package registry_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// lines counts the lines of a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// of returns how many lines say something.
func (l *lines) of(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), message)
}

func TestWhatPeersCauseIsLoggedOnceASecondAndSaysWho(t *testing.T) {
	zmq := newContext(t)
	log := &lines{}
	began := time.Now()
	s := serve(t, zmq, tcp, registry.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
	conn := must(call.Dial(zmq, s.endpoint()))(t)
	defer func() { ok(t, conn.Close()) }()
	stub := mitterev1mittere.NewRegistryServiceClient(conn)
	const refused = 500
	for range refused {
		bad := &mitterev1.Instance{Name: "bad", Id: "bad-1", Endpoints: []string{"nowhere"}}
		_, err := stub.Register(patient(t), &mitterev1.RegisterRequest{Instance: bad})
		if messaging.CodeOf(err) != messaging.InvalidArgument {
			t.Fatalf("got %v", err)
		}
	}
	seconds := 1 + int(time.Since(began)/time.Second)
	if n := log.of("registration refused"); n == 0 || n > seconds {
		t.Errorf("%d lines within %d s for %d refused registrations", n, seconds, refused)
	}
	if log.of("bad-1") == 0 {
		t.Error("no line says whose registration it was")
	}
}
